"""`proto_descriptor_set`: a serialized `FileDescriptorSet`, for gateways, linters and reflection."""

load(":protoc.bzl", "proto_inputs", "protoc_attributes", "run_protoc")

def _proto_descriptor_set_impl(ctx: AnalysisContext) -> list[Provider]:
    output = ctx.actions.declare_output(ctx.attrs.out or ctx.attrs.name + ".binpb", has_content_based_path = True)
    flags = ["include_imports", "include_source_info", "retain_options"]
    run_protoc(
        ctx,
        proto_inputs(ctx),
        [cmd_args(output.as_output(), format = "--descriptor_set_out={}")],
        ["--" + flag for flag in flags if getattr(ctx.attrs, flag)],
        category = "proto_descriptor_set",
    )
    return [DefaultInfo(default_output = output)]

proto_descriptor_set = rule(
    doc = """Compiles `.proto` files to one serialized `google.protobuf.FileDescriptorSet`.

    ```python
    proto_descriptor_set(
        name = "api_descriptors",
        protos = [":api_proto"],
        retain_options = True,
    )
    ```
    """,
    impl = _proto_descriptor_set_impl,
    attrs = protoc_attributes | {
        "include_imports": attrs.bool(default = True, doc = "Whether the set also holds all imported files."),
        "include_source_info": attrs.bool(default = False, doc = "Whether the set keeps comments and source positions."),
        "out": attrs.option(
            attrs.string(),
            default = None,
            doc = "Name of the file (default: the target's name with `.binpb`).",
        ),
        "retain_options": attrs.bool(
            default = False,
            doc = "Whether the set keeps options of source retention, which protoc else removes.",
        ),
    },
)
