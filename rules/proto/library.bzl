"""`proto_library`: `.proto` files under their import paths."""

load("//rules:common.bzl", "common_attributes")
load(":imports.bzl", "ProtoInfo", "imports_attributes", "proto_info_of")
load(":paths.bzl", "import_paths")

proto_attributes = common_attributes | imports_attributes | {
    "deps": attrs.list(
        attrs.dep(providers = [ProtoInfo]),
        default = [],
        doc = "Targets whose files these files import, of any cell. The toolchain provides `google/protobuf/…`.",
    ),
    "import_prefix": attrs.option(
        attrs.string(),
        default = None,
        doc = "Folder that is put before the import paths, after `strip_import_prefix` has shortened the paths.",
    ),
    "srcs": attrs.list(
        attrs.source(),
        default = [],
        doc = """`.proto` files. Their import paths begin at the cell's root, unless a prefix says otherwise. The path of a generated file is the
        package of the generating target, then the name of the output. An exported source file of another package counts as a file of this one.""",
    ),
    "strip_import_prefix": attrs.option(
        attrs.string(),
        default = None,
        doc = """Folder where the import paths begin: a folder of the package (`proto`; `.` is the package), or with a leading `/` a folder of the
        cell (`/` is the cell's root, as without this attribute).""",
    ),
}

def proto_info(ctx: AnalysisContext) -> ProtoInfo:
    """`ProtoInfo` of a rule with `proto_attributes`."""
    return proto_info_of(ctx, import_paths(ctx), [dep[ProtoInfo] for dep in ctx.attrs.deps])

def _proto_library_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_outputs = ctx.attrs.srcs), proto_info(ctx)]

proto_library = rule(
    doc = """`.proto` files that other targets import or generate code from. Runs nothing. Without `srcs`, a name for all `deps`.

    ```python
    # `proto/acme/user.proto` of this package is imported as `acme/user.proto`.
    proto_library(
        name = "user_proto",
        srcs = ["proto/acme/user.proto"],
        strip_import_prefix = "proto",
        deps = ["//common:money_proto", "other//time:interval_proto"],
    )
    ```
    """,
    impl = _proto_library_impl,
    attrs = proto_attributes,
)
