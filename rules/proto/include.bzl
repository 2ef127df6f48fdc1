"""`proto_include_library`: `.proto` files of a folder that somebody else made."""

load("//rules:checks.bzl", "check_path", "fail_attribute")
load("//rules:common.bzl", "common_attributes")
load(":imports.bzl", "ProtoInfo", "imports_attributes", "proto_info_of")
load(":toolchain.bzl", "ProtocToolchainInfo", "include_folder", "toolchain_attributes")
load(":well_known.bzl", "WELL_KNOWN_TYPES")

def _toolchain_include(ctx: AnalysisContext) -> Artifact:
    include = ctx.attrs.toolchain[ProtocToolchainInfo].include
    if include == None:
        fail_attribute(ctx.label, "toolchain", "is `{}`, which has no `include` folder".format(ctx.attrs.toolchain.label.raw_target()))
    return include

def _proto_include_library_impl(ctx: AnalysisContext) -> list[Provider]:
    if ctx.attrs.include != None:
        include = include_folder(ctx.label, ctx.attrs.include)
        paths = ctx.attrs.paths or []
    else:
        include = _toolchain_include(ctx)
        paths = WELL_KNOWN_TYPES if ctx.attrs.paths == None else ctx.attrs.paths
    for path in paths:
        check_path(ctx.label, "paths", path)
    info = proto_info_of(
        ctx,
        {path: include.project(path) for path in paths},
        [dep[ProtoInfo] for dep in ctx.attrs.deps],
        folder = include,
    )
    return [DefaultInfo(default_outputs = list(info.srcs.values()) or [include]), info]

proto_include_library = rule(
    doc = """`.proto` files of a folder as a target like `proto_library`: of the toolchain's `include` folder, to generate code for the well-known types,
    or of an archive with many files. Imports of `google/protobuf/…` alone need no such target.

    ```python
    proto_include_library(
        name = "timestamp_proto",
        paths = ["google/protobuf/timestamp.proto"],
    )

    # A folder that the lock pins. Without `paths`, all its files can be imported.
    proto_include_library(
        name = "googleapis_proto",
        include = "//tools:googleapis",
    )
    ```
    """,
    impl = _proto_include_library_impl,
    attrs = common_attributes | imports_attributes | toolchain_attributes | {
        "deps": attrs.list(
            attrs.dep(providers = [ProtoInfo]),
            default = [],
            doc = "Targets whose files these files import.",
        ),
        "include": attrs.option(
            attrs.dep(),
            default = None,
            doc = "Folder where the import paths begin, such as an `oras_tool` (default: the toolchain's `include`).",
        ),
        "paths": attrs.option(
            attrs.list(attrs.string()),
            default = None,
            doc = """Import paths of the files that code is generated from, and that `strict_deps` allows (default: the well-known types,
            `google/protobuf/any.proto` to `wrappers.proto`; with `include` none).""",
        ),
    },
)
