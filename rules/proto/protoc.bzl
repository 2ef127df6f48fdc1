"""What the rules that run protoc have in common: which files they take, and the command line."""

load("//rules:checks.bzl", "fail_attribute")
load(":library.bzl", "ProtoImports", "ProtoInfo", "proto_attributes", "proto_info")
load(":toolchain.bzl", "ProtocToolchainInfo")

protoc_attributes = proto_attributes | {
    "protos": attrs.list(
        attrs.dep(providers = [ProtoInfo]),
        default = [],
        doc = "Targets such as `proto_library` whose own files are taken, instead of `srcs`.",
    ),
    "toolchain": attrs.toolchain_dep(
        default = "toolchains//:protoc",
        providers = [ProtocToolchainInfo],
        doc = "The `protoc_toolchain`, for a project that has several.",
    ),
}

def proto_inputs(ctx: AnalysisContext) -> ProtoInfo:
    """The files that a rule with `protoc_attributes` is about."""
    if bool(ctx.attrs.srcs) == bool(ctx.attrs.protos):
        fail_attribute(ctx.label, "srcs", "and `protos`: exactly one of the two must name files")
    if ctx.attrs.srcs:
        return proto_info(ctx)
    srcs = {}
    for proto in ctx.attrs.protos:
        srcs |= proto[ProtoInfo].srcs
    if not srcs:
        fail_attribute(ctx.label, "protos", "has no files: name the targets with `srcs`, not those that only depend on them")
    children = [proto[ProtoInfo].imports for proto in ctx.attrs.protos + ctx.attrs.deps]
    return ProtoInfo(imports = ctx.actions.tset(ProtoImports, children = children), srcs = srcs)

def run_protoc(
        ctx: AnalysisContext,
        inputs: ProtoInfo,
        arguments: list[typing.Any],
        category: str,
        folder: Artifact | None = None) -> None:
    """Runs protoc on the files, with all that they import on the import path.

    Args:
        ctx: Of the rule, which has `protoc_attributes`.
        inputs: What `proto_inputs` gave.
        arguments: Options that say what to make, and where.
        category: Of the action.
        folder: Output that is a folder: protoc writes into it, but does not make it.
    """
    toolchain = ctx.attrs.toolchain[ProtocToolchainInfo]
    command = cmd_args(toolchain.protoc, arguments, inputs.imports.project_as_args("options"))
    if toolchain.include != None:
        # Last, so that a project may have its own copy of a well-known type.
        command.add(cmd_args(toolchain.include, format = "--proto_path={}"))
    command.add(inputs.srcs.values())
    env = {}
    if folder != None:
        command = cmd_args(toolchain.make_output_folder, command)
        env = {"OUTPUT_FOLDER": cmd_args(folder.as_output())}
    ctx.actions.run(command, env = env, category = category, allow_cache_upload = True)
