"""`oras_folder`: the layers of one manifest in one folder, with the paths of `oras pull`."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":checks.bzl", "check_digest", "check_path", "check_repository", "fail_attribute")
load(":common.bzl", "common_attributes")
load(":info.bzl", "origin_info")
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
            fail_attribute(ctx.label, "parts", "must be targets with one output; `{}` has {} outputs".format(part.label, len(outputs)))
        files[path] = outputs[0]

    # Copies, not links: an executable must find its neighbours in this folder, not in the folder of its own layer.
    output = ctx.actions.copied_dir(ctx.attrs.out or ctx.attrs.name, files, has_content_based_path = True)
    return folder_providers(ctx, output) + [origin_info(ctx, None)]

oras_folder = rule(
    doc = "Joins the layers of one artifact, each an `oras_artifact`, into one folder. `oras_tool` declares it.",
    impl = _oras_folder_impl,
    attrs = common_attributes | folder_attributes | {
        "manifest_digest": attrs.string(doc = "Digest of the manifest that lists the layers."),
        "out": attrs.option(attrs.string(), default = None, doc = "Name of the folder (default: the target's name)."),
        "parts": attrs.dict(
            key = attrs.string(),
            value = attrs.dep(),
            doc = "Path in the folder → target with the one output for this path.",
        ),
        "platform": attrs.option(
            attrs.enum(list(PLATFORM_CONSTRAINTS)),
            default = None,
            doc = "Platform string of the manifest; `None` if the manifest is the same for all platforms.",
        ),
        "repository": attrs.string(doc = "Repository of the manifest: `HOST/REPOSITORY`, or `oci:DIR`."),
    },
)
