"""`script`: a shell script as a runnable target, which needs only the system's own shell."""

def script_command(script: Artifact, args: list[Artifact] = []) -> cmd_args:
    """Command that runs a script. The shell is named explicitly: a checkout may have lost the executable bit."""
    shell = ["cmd.exe", "/d", "/c"] if script.extension == ".cmd" else ["/bin/sh"]
    return cmd_args(shell, script, args)

def _script_impl(ctx: AnalysisContext) -> list[Provider]:
    return [
        DefaultInfo(default_output = ctx.attrs.script),
        RunInfo(args = script_command(ctx.attrs.script, ctx.attrs.args)),
    ]

script = rule(
    doc = "Runs a POSIX shell script, or on Windows a `.cmd`.",
    impl = _script_impl,
    attrs = {
        "args": attrs.list(attrs.source(), default = [], doc = "Files that become the first arguments of the script."),
        "script": attrs.source(doc = "The script; a `.cmd` file is for Windows."),
    },
)
