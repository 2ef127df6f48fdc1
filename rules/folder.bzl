"""`oras_folder`: several artifacts in one folder, as `oras pull` lays out the layers of one manifest."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":artifact.bzl", "OrasArtifactInfo")
load(":checks.bzl", "check_digest", "check_path", "check_repository", "fail_attribute")
load(":common.bzl", "common_attributes")
load(":tree.bzl", "folder_attributes", "folder_providers")

def _oras_folder_impl(ctx: AnalysisContext) -> list[Provider]:
    check_repository(ctx.label, "repository", ctx.attrs.repository)
    check_digest(ctx.label, "manifest_digest", ctx.attrs.manifest_digest)
    if ctx.attrs.out != None:
        check_path(ctx.label, "out", ctx.attrs.out)
    files = {}
    for path, part in ctx.attrs.parts.items():
        check_path(ctx.label, "parts", path)
        outputs = part[DefaultInfo].default_outputs
        if len(outputs) != 1:
            fail_attribute(ctx.label, "parts", "takes targets with one output; `{}` has {}".format(part.label, len(outputs)))
        files[path] = outputs[0]

    # Copies, not links: an executable that looks for its neighbours finds them here and not where its own layer is.
    output = ctx.actions.copied_dir(ctx.attrs.out or ctx.attrs.name, files, has_content_based_path = True)
    return folder_providers(ctx, output) + [
        OrasArtifactInfo(
            digest = None,
            manifest_digest = ctx.attrs.manifest_digest,
            platform = ctx.attrs.platform,
            repository = ctx.attrs.repository,
        ),
    ]

oras_folder = rule(
    doc = "Joins the layers of one artifact, each an `oras_artifact`, into one folder; `oras_tool` writes it.",
    impl = _oras_folder_impl,
    attrs = common_attributes | folder_attributes | {
        "manifest_digest": attrs.string(doc = "Digest of the manifest whose layers these are."),
        "out": attrs.option(attrs.string(), default = None, doc = "Name of the folder (default: of the target)."),
        "parts": attrs.dict(
            key = attrs.string(),
            value = attrs.dep(),
            doc = "Path in the folder → target whose only output stands there.",
        ),
        "platform": attrs.option(
            attrs.enum(list(PLATFORM_CONSTRAINTS)),
            default = None,
            doc = "Platform string of the manifest; `None` if it is the same for all.",
        ),
        "repository": attrs.string(doc = "Where the manifest is: `HOST/REPOSITORY`, or `oci:DIR`."),
    },
)
