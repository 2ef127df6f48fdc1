"""Common parts of the rules that run protoc: input files and command line."""

load("//rules:checks.bzl", "fail_attribute")
load(":errors.bzl", "INDIRECT_IMPORT", "protoc_error_handler")
load(":imports.bzl", "ProtoInfo", "first_files", "proto_info_of")
load(":library.bzl", "proto_attributes", "proto_info")
load(":toolchain.bzl", "ProtocToolchainInfo", "toolchain_attributes")
load(":well_known.bzl", "PROTOC_FILES")

protoc_attributes = proto_attributes | toolchain_attributes | {
    "protoc_options": attrs.list(
        attrs.arg(),
        default = [],
        doc = "Options of protoc itself, such as `--fatal_warnings`, after those of the toolchain.",
    ),
    "protos": attrs.list(
        attrs.dep(providers = [ProtoInfo]),
        default = [],
        doc = "Targets such as `proto_library`, of any cell, whose own files protoc reads, instead of `srcs`.",
    ),
    "strict_deps": attrs.option(
        attrs.bool(),
        default = None,
        doc = "Whether the files import only files of direct dependencies (default: what the toolchain says).",
    ),
}

def proto_inputs(ctx: AnalysisContext) -> ProtoInfo:
    """The input files of a rule with `protoc_attributes`, and everything that they import."""
    if bool(ctx.attrs.srcs) == bool(ctx.attrs.protos):
        fail_attribute(ctx.label, "srcs", "and `protos`: set exactly one of the two")
    if ctx.attrs.srcs:
        return proto_info(ctx)
    srcs = {}
    importable = []
    for proto in ctx.attrs.protos:
        srcs |= proto[ProtoInfo].srcs
        importable.extend(proto[ProtoInfo].importable)
    if not srcs:
        fail_attribute(ctx.label, "protos", "has no files: name targets with `srcs`, not targets with `deps` alone")
    joined = proto_info_of(ctx, {}, [proto[ProtoInfo] for proto in ctx.attrs.protos + ctx.attrs.deps])
    return ProtoInfo(
        exported = list(srcs),
        importable = importable + joined.importable,
        imports = joined.imports,
        srcs = srcs,
    )

def _strict_deps(ctx: AnalysisContext, inputs: ProtoInfo) -> list[str]:
    own = ctx.attrs.strict_deps
    if not (ctx.attrs.toolchain[ProtocToolchainInfo].strict_deps if own == None else own):
        return []
    return [
        "--direct_dependencies=" + ":".join(dedupe(inputs.importable + PROTOC_FILES)),
        "--direct_dependencies_violation_msg=%s" + INDIRECT_IMPORT,
    ]

def run_protoc(
        ctx: AnalysisContext,
        inputs: ProtoInfo,
        outputs: list[cmd_args],
        arguments: list[typing.Any],
        category: str,
        folder: Artifact | None = None) -> None:
    """Runs protoc on `inputs.srcs`, with `inputs.imports` as import path.

    Args:
        ctx: Context of a rule with `protoc_attributes`.
        inputs: Result of `proto_inputs`.
        outputs: Options for the paths of the outputs.
        arguments: Other options.
        category: Category of the action.
        folder: Output folder, if the output is one: protoc writes into an existing folder only.
    """
    toolchain = ctx.attrs.toolchain[ProtocToolchainInfo]
    files = first_files(ctx.label, inputs.imports)
    lines = cmd_args(
        toolchain.protoc_options,
        ctx.attrs.protoc_options,
        _strict_deps(ctx, inputs),
        arguments,
        inputs.imports.project_as_args("options"),
    )
    if toolchain.include != None:
        # Last: a project's own copy of a well-known type must win.
        lines.add(cmd_args(toolchain.include, format = "--proto_path={}"))
    lines.add([files[path] for path in inputs.srcs])

    # Windows takes 8,191 characters. protoc reads one argument of each line, without quotes (since 3.5).
    written, macros = ctx.actions.write("__arguments__", lines, allow_args = True, has_content_based_path = True)
    command = cmd_args(toolchain.protoc, outputs, cmd_args(written, format = "@{}", hidden = [lines, macros]))
    env = {}
    if folder != None:
        command = cmd_args(toolchain.make_output_folder, command)
        env = {"OUTPUT_FOLDER": cmd_args(folder.as_output())}
    ctx.actions.run(
        command,
        env = env,
        category = category,
        allow_cache_upload = True,
        # Warnings.
        always_print_stderr = True,
        error_handler = protoc_error_handler,
    )
