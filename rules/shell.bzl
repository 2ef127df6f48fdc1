"""`shell`: the system's own shell of the machine that runs an action, for scripts and for the scripts of wrappers."""

load(":script.bzl", "script_command")

ShellInfo = provider(
    doc = "Shell of a machine: `make_output_folder`, and `is_windows`: whether scripts are for `cmd.exe`, not for `/bin/sh`.",
    fields = {
        "is_windows": provider_field(bool),
        # Creates the folder `OUTPUT_FOLDER`, then runs its arguments.
        "make_output_folder": provider_field(RunInfo),
    },
)

def _shell_impl(ctx: AnalysisContext) -> list[Provider]:
    script = ctx.attrs.make_output_folder
    return [
        DefaultInfo(default_output = script),
        RunInfo(args = script_command(script)),
        ShellInfo(
            is_windows = script.extension == ".cmd",
            make_output_folder = RunInfo(args = script_command(script)),
        ),
    ]

shell = rule(
    doc = "The shell that runs scripts of ours, as `make_output_folder` shows it.",
    impl = _shell_impl,
    attrs = {
        "make_output_folder": attrs.source(doc = "Script that creates the folder `OUTPUT_FOLDER`; a `.cmd` file is for Windows."),
    },
)

def wrapper(actions: AnalysisActions, shell: ShellInfo, name: str, command: RunInfo) -> RunInfo:
    """One executable file that runs `command`, for programs that start another program by its path alone."""
    if shell.is_windows:
        # In a `.cmd` file, `%%` is a `%`.
        words = cmd_args(command, format = "\"{}\"", replace_regex = [("%", "%%"), ("\"", "\\\"")])
        text = cmd_args("@", cmd_args(words, "%*", delimiter = " "), delimiter = "")
        name += ".cmd"
    else:
        words = cmd_args("exec", cmd_args(command, quote = "shell"), "\"$@\"", delimiter = " ")
        text = cmd_args("#!/bin/sh", words)
    file, macros = actions.write(name, text, allow_args = True, is_executable = True, has_content_based_path = True)
    return RunInfo(args = cmd_args(file, hidden = [command, macros]))
