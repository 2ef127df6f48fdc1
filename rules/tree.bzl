"""Providers of a fetched file or folder: outputs, sub-targets, and run commands."""

load(":checks.bzl", "check_path", "fail_attribute")

folder_attributes = {
    "executable": attrs.option(
        attrs.one_of(attrs.bool(), attrs.string()),
        default = None,
        doc = """For a folder: path of the file in the folder that the target runs. For a single file: `True` makes the file
        executable, `False` marks data, which is not executable and cannot be run. Without a value, the bytes decide on the file's mode; Buck2's own download (`fetch = "native"`)
        does not look at the bytes, and the file is not executable.""",
    ),
    "include": attrs.option(
        attrs.string(),
        default = None,
        doc = "Path of the folder with headers or `.proto` files. This folder becomes the sub-target `[include]`.",
    ),
    "sub_targets": attrs.list(
        attrs.string(),
        default = [],
        doc = "Paths in the folder that become sub-targets, such as `bin/protoc` for `:protoc[bin/protoc]`. Each sub-target can be run.",
    ),
}

def file_name(ctx: AnalysisContext) -> str:
    """Name of the output of a target whose output is one file."""
    name = ctx.attrs.out or ctx.attrs.name
    is_windows = (ctx.attrs.platform or "").startswith("windows-")
    if is_windows and ctx.attrs.executable != False and not name.endswith(".exe"):
        return name + ".exe"
    return name

def file_providers(ctx: AnalysisContext, output: Artifact) -> list[Provider]:
    """Providers of a target whose output is one file."""
    if type(ctx.attrs.executable) == type(""):
        fail_attribute(ctx.label, "executable", "is a path, and paths are for folders only: write `True`")
    providers = [DefaultInfo(default_output = output)]
    if ctx.attrs.executable != False:
        providers.append(RunInfo(args = cmd_args(output)))
    return providers

def folder_providers(ctx: AnalysisContext, output: Artifact) -> list[Provider]:
    """Providers of a target whose output is a folder. Each run command has the whole folder as input."""
    executable = ctx.attrs.executable
    if executable == True:
        fail_attribute(ctx.label, "executable", "must be a path in the folder, not `True`")
    sub_targets = {}
    for path in ctx.attrs.sub_targets:
        check_path(ctx.label, "sub_targets", path)
        sub_targets[path] = [DefaultInfo(default_output = output.project(path)), _run_info(output, path)]
    if ctx.attrs.include != None:
        check_path(ctx.label, "include", ctx.attrs.include)
        sub_targets["include"] = [DefaultInfo(default_output = output.project(ctx.attrs.include))]
    providers = [DefaultInfo(default_output = output, sub_targets = sub_targets)]
    if executable:
        check_path(ctx.label, "executable", executable)
        providers.append(_run_info(output, executable))
    return providers

def _run_info(folder: Artifact, path: str) -> RunInfo:
    return RunInfo(args = cmd_args(folder.project(path), hidden = folder))
