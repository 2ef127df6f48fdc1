"""`proto_descriptor_set`: a serialized `FileDescriptorSet`, for gateways, linters and reflection."""

load(":protoc.bzl", "proto_inputs", "protoc_attributes", "run_protoc")

def _proto_descriptor_set_impl(ctx: AnalysisContext) -> list[Provider]:
    output = ctx.actions.declare_output(ctx.attrs.out or ctx.attrs.name + ".binpb", has_content_based_path = True)
    arguments = [cmd_args(output.as_output(), format = "--descriptor_set_out={}")]
    if ctx.attrs.include_imports:
        arguments.append("--include_imports")
    if ctx.attrs.include_source_info:
        arguments.append("--include_source_info")
    run_protoc(ctx, proto_inputs(ctx), arguments, category = "proto_descriptor_set")
    return [DefaultInfo(default_output = output)]

proto_descriptor_set = rule(
    doc = "Compiles `.proto` files to one serialized `google.protobuf.FileDescriptorSet`.",
    impl = _proto_descriptor_set_impl,
    attrs = protoc_attributes | {
        "include_imports": attrs.bool(default = True, doc = "Whether the set also holds all imported files."),
        "include_source_info": attrs.bool(default = False, doc = "Whether the set keeps comments and source positions."),
        "out": attrs.option(
            attrs.string(),
            default = None,
            doc = "Name of the file (default: the target's name with `.binpb`).",
        ),
    },
)
