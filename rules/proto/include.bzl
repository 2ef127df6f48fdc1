"""`proto_include_library`: files of the toolchain's include folder, for which code is generated."""

load("//rules:checks.bzl", "check_path", "fail_attribute")
load("//rules:common.bzl", "common_attributes")
load(":imports.bzl", "imports_attributes", "proto_info_of")
load(":toolchain.bzl", "ProtocToolchainInfo", "toolchain_attributes")
load(":well_known.bzl", "WELL_KNOWN_TYPES")

def _proto_include_library_impl(ctx: AnalysisContext) -> list[Provider]:
    include = ctx.attrs.toolchain[ProtocToolchainInfo].include
    if include == None:
        fail_attribute(ctx.label, "toolchain", "is `{}`, which has no `include` folder".format(ctx.attrs.toolchain.label.raw_target()))
    for path in ctx.attrs.paths:
        check_path(ctx.label, "paths", path)
    info = proto_info_of(ctx, {path: include.project(path) for path in ctx.attrs.paths}, [])
    return [DefaultInfo(default_outputs = list(info.srcs.values())), info]

proto_include_library = rule(
    doc = """`.proto` files of the toolchain's `include` folder as a target like `proto_library`, to generate code for the well-known types.
    Imports alone need no such target.

    ```python
    proto_include_library(
        name = "timestamp_proto",
        paths = ["google/protobuf/timestamp.proto"],
    )

    proto_generate(
        name = "timestamp_ts",
        language = "ts",
        protos = [":timestamp_proto"],
    )
    ```
    """,
    impl = _proto_include_library_impl,
    attrs = common_attributes | imports_attributes | toolchain_attributes | {
        "paths": attrs.list(
            attrs.string(),
            default = WELL_KNOWN_TYPES,
            doc = "Import paths of the files (default: the well-known types, `google/protobuf/any.proto` to `wrappers.proto`).",
        ),
    },
)
