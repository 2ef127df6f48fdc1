"""`script`: a shell script as a target that runs, with nothing but the system's own shell."""

def _script_impl(ctx: AnalysisContext) -> list[Provider]:
    script = ctx.attrs.script

    # The interpreter stands in front, so that nothing depends on file modes, which a checkout may have lost.
    shell = ["cmd.exe", "/d", "/c"] if script.extension == ".cmd" else ["/bin/sh"]
    return [
        DefaultInfo(default_output = script),
        RunInfo(args = cmd_args(shell, script, ctx.attrs.args)),
    ]

script = rule(
    doc = "Runs a POSIX shell script, or on Windows a `.cmd`.",
    impl = _script_impl,
    attrs = {
        "args": attrs.list(attrs.source(), default = [], doc = "Files that are its first arguments."),
        "script": attrs.source(doc = "The script; one that ends in `.cmd` is for Windows."),
    },
)
