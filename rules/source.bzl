"""`oras_layout` and `source_file`: a folder or file as a target. A package cannot name the files of another package."""

load(":common.bzl", "common_attributes")

def _impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_output = ctx.attrs.src)]

oras_layout = rule(
    doc = "An OCI image layout folder of this package, for the attribute `layout` of tools in other packages.",
    impl = _impl,
    attrs = common_attributes | {
        "src": attrs.source(
            allow_directory = True,
            doc = "Folder with `oci-layout`, `index.json` and `blobs`.",
        ),
    },
)

source_file = rule(
    doc = "A file of this package, for targets of other packages.",
    impl = _impl,
    attrs = common_attributes | {
        "src": attrs.source(doc = "The file."),
    },
)
