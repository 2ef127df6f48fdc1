"""Common parts of the rules that run protoc: input files and command line."""

load("//rules:checks.bzl", "fail_attribute")
load(":library.bzl", "ProtoImports", "ProtoInfo", "proto_attributes", "proto_info")
load(":toolchain.bzl", "ProtocToolchainInfo")

protoc_attributes = proto_attributes | {
    "protos": attrs.list(
        attrs.dep(providers = [ProtoInfo]),
        default = [],
        doc = "Targets such as `proto_library` whose own files protoc reads, instead of `srcs`.",
    ),
    "toolchain": attrs.toolchain_dep(
        default = "toolchains//:protoc",
        providers = [ProtocToolchainInfo],
        doc = "The `protoc_toolchain`, for a project that has several.",
    ),
}

def proto_inputs(ctx: AnalysisContext) -> ProtoInfo:
    """The input files of a rule with `protoc_attributes`, and everything that they import."""
    if bool(ctx.attrs.srcs) == bool(ctx.attrs.protos):
        fail_attribute(ctx.label, "srcs", "and `protos`: set exactly one of the two")
    if ctx.attrs.srcs:
        return proto_info(ctx)
    srcs = {}
    for proto in ctx.attrs.protos:
        srcs |= proto[ProtoInfo].srcs
    if not srcs:
        fail_attribute(ctx.label, "protos", "has no files: name targets with `srcs`, not targets with `deps` alone")
    children = [proto[ProtoInfo].imports for proto in ctx.attrs.protos + ctx.attrs.deps]
    return ProtoInfo(imports = ctx.actions.tset(ProtoImports, children = children), srcs = srcs)

def run_protoc(
        ctx: AnalysisContext,
        inputs: ProtoInfo,
        arguments: list[typing.Any],
        category: str,
        folder: Artifact | None = None) -> None:
    """Runs protoc on `inputs.srcs`, with `inputs.imports` as import path.

    Args:
        ctx: Context of a rule with `protoc_attributes`.
        inputs: Result of `proto_inputs`.
        arguments: Options for the kind and the path of the output.
        category: Category of the action.
        folder: Output folder, if the output is one: protoc writes into an existing folder only.
    """
    toolchain = ctx.attrs.toolchain[ProtocToolchainInfo]
    command = cmd_args(toolchain.protoc, arguments, inputs.imports.project_as_args("options"))
    if toolchain.include != None:
        # Last: a project's own copy of a well-known type must win.
        command.add(cmd_args(toolchain.include, format = "--proto_path={}"))
    command.add(inputs.srcs.values())
    env = {}
    if folder != None:
        command = cmd_args(toolchain.make_output_folder, command)
        env = {"OUTPUT_FOLDER": cmd_args(folder.as_output())}
    ctx.actions.run(command, env = env, category = category, allow_cache_upload = True)
