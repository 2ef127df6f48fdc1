"""`script`: a shell script as a runnable target, which needs only the system's own shell."""

def script_command(script: Artifact, args: list[Artifact] = []) -> cmd_args:
    """Command that runs a script. The shell is named explicitly: a checkout may have lost the executable bit."""
    shell = ["cmd.exe", "/d", "/c"] if script.extension == ".cmd" else ["/bin/sh"]
    return cmd_args(shell, script, args)

def _script_impl(ctx: AnalysisContext) -> list[Provider]:
    command = script_command(ctx.attrs.script, ctx.attrs.args)
    if ctx.attrs.alias != None:
        command.add("--called-as={}".format(ctx.attrs.alias or ctx.label.raw_target()))
    return [
        DefaultInfo(default_output = ctx.attrs.script),
        RunInfo(args = command),
    ]

script = rule(
    doc = "Runs a POSIX shell script, or on Windows a `.cmd`.",
    impl = _script_impl,
    attrs = {
        "alias": attrs.option(
            attrs.string(),
            default = None,
            doc = """Alias of the target, for the hints of a program that takes `--called-as=ALIAS` as its first argument;
            empty: the target's own name.""",
        ),
        "args": attrs.list(attrs.source(), default = [], doc = "Files that become the first arguments of the script."),
        "script": attrs.source(doc = "The script; a `.cmd` file is for Windows."),
    },
)
