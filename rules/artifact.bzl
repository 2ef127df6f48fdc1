"""`oras_artifact`: one blob, fetched from an OCI registry or an image layout by its digest."""

load(
    ":checks.bzl",
    "ARCHIVE_FORMATS",
    "FILE_FORMATS",
    "check_digest",
    "check_one_of",
    "check_path",
    "check_platform",
    "check_repository",
    "check_size",
    "fail_attribute",
)
load(":errors.bzl", "oras_error_handler")
load(":toolchain.bzl", "OrasToolchainInfo")
load(":tree.bzl", "file_providers", "folder_attributes", "folder_providers")

OrasArtifactInfo = provider(
    doc = "Where an artifact came from: `repository`, `digest`, and the `platform` that it is for.",
    fields = {
        # Of the blob; of the manifest for several layers in one folder.
        "digest": provider_field(str),
        # A platform string, such as `linux-x86_64`; `None` for an artifact that is the same for all.
        "platform": provider_field(str | None),
        # `HOST/REPOSITORY`, or `oci:DIR`.
        "repository": provider_field(str),
    },
)

def _check(ctx: AnalysisContext) -> None:
    label = ctx.label
    check_repository(label, "repository", ctx.attrs.repository)
    check_digest(label, "digest", ctx.attrs.digest)
    check_size(label, "size", ctx.attrs.size)
    check_one_of(label, "format", ctx.attrs.format, FILE_FORMATS + ARCHIVE_FORMATS)
    check_platform(label, ctx.attrs.platform)
    if ctx.attrs.out != None:
        check_path(label, "out", ctx.attrs.out)
    if ctx.attrs.repository.startswith("oci:") and ctx.attrs.layout == None:
        fail_attribute(
            label,
            "layout",
            "must be the folder of `{}`, as a source or a target".format(ctx.attrs.repository),
        )
    if not ctx.attrs.repository.startswith("oci:") and ctx.attrs.layout != None:
        fail_attribute(label, "layout", "has no use with the registry of `{}`".format(ctx.attrs.repository))
    if ctx.attrs.format in ARCHIVE_FORMATS:
        if ctx.attrs.strip_prefix != None:
            check_path(label, "strip_prefix", ctx.attrs.strip_prefix)
        return
    for attribute in ["strip_prefix", "include", "sub_targets"]:
        if getattr(ctx.attrs, attribute):
            fail_attribute(label, attribute, "has a meaning for archives only; `format` is `{}`".format(ctx.attrs.format))

def _reference(ctx: AnalysisContext) -> cmd_args:
    """The blob's reference. Of a layout folder only this blob becomes an input, so that other tags do not matter."""
    layout = ctx.attrs.layout
    if layout == None:
        return cmd_args("{}@{}".format(ctx.attrs.repository, ctx.attrs.digest))
    blob = layout.project("blobs/sha256/" + ctx.attrs.digest.removeprefix("sha256:"))
    return cmd_args(
        cmd_args("oci:", layout, "@", ctx.attrs.digest, delimiter = "", ignore_artifacts = True),
        hidden = [blob, layout.project("oci-layout")],
    )

def _pull(ctx: AnalysisContext, cli: RunInfo, output: Artifact, is_executable: bool) -> None:
    ctx.actions.run(
        cmd_args(
            cli,
            "blob",
            _reference(ctx),
            "--size={}".format(ctx.attrs.size),
            cmd_args(output.as_output(), format = "--output={}"),
            ["--executable"] if is_executable else [],
        ),
        category = "oras_pull",
        # The network, the credentials and the cache are those of this machine; others get the result from a remote cache.
        local_only = True,
        allow_cache_upload = True,
        allow_offline_output_cache = True,
        error_handler = oras_error_handler,
    )

def _extract(ctx: AnalysisContext, oras: OrasToolchainInfo, blob: Artifact, output: Artifact, options: list[str]) -> None:
    ctx.actions.run(
        cmd_args(oras.cli, "extract", blob, cmd_args(output.as_output(), format = "--output={}"), options),
        category = "oras_extract",
        local_only = oras.extract_locally,
        allow_cache_upload = True,
        error_handler = oras_error_handler,
    )

def _file_name(ctx: AnalysisContext) -> str:
    name = ctx.attrs.out or ctx.attrs.name
    is_windows = (ctx.attrs.platform or "").startswith("windows-")
    if is_windows and ctx.attrs.executable != False and not name.endswith(".exe"):
        return name + ".exe"
    return name

def _oras_artifact_impl(ctx: AnalysisContext) -> list[Provider]:
    _check(ctx)
    oras = ctx.attrs._oras[OrasToolchainInfo]
    is_executable = ctx.attrs.executable == True
    if ctx.attrs.format in FILE_FORMATS:
        output = ctx.actions.declare_output(_file_name(ctx), has_content_based_path = True)
        if ctx.attrs.format == "raw":
            _pull(ctx, oras.cli, output, is_executable)
        else:
            blob = ctx.actions.declare_output("__blob__", has_content_based_path = True)
            _pull(ctx, oras.cli, blob, False)
            _extract(ctx, oras, blob, output, ["--single"] + (["--executable"] if is_executable else []))
        providers = file_providers(ctx, output)
    else:
        blob = ctx.actions.declare_output("__blob__", has_content_based_path = True)
        _pull(ctx, oras.cli, blob, False)
        output = ctx.actions.declare_output(ctx.attrs.out or ctx.attrs.name, dir = True, has_content_based_path = True)
        strip_prefix = ctx.attrs.strip_prefix
        _extract(ctx, oras, blob, output, ["--strip-prefix=" + strip_prefix] if strip_prefix else [])
        providers = folder_providers(ctx, output)
    return providers + [
        OrasArtifactInfo(
            digest = ctx.attrs.digest,
            platform = ctx.attrs.platform,
            repository = ctx.attrs.repository,
        ),
    ]

oras_artifact = rule(
    doc = "Fetches one blob by digest; the output is the file, or the folder that the archive unpacks to.",
    impl = _oras_artifact_impl,
    attrs = folder_attributes | {
        "digest": attrs.string(doc = "`sha256:` and 64 lower-case hex digits of the blob; tags are refused."),
        "format": attrs.string(
            default = "raw",
            doc = "What the blob's bytes are: `raw` (the file itself), `gzip` or `zstd` (of one file), `tar`, `tar.gz`, `tar.zst`, `zip`.",
        ),
        "layout": attrs.option(
            attrs.source(allow_directory = True),
            default = None,
            doc = "The OCI image layout folder, for a `repository` that begins with `oci:`. The blob is an input of the build.",
        ),
        "out": attrs.option(
            attrs.string(),
            default = None,
            doc = "Name of the output (default: of the target); an executable for Windows is named `.exe` in any case.",
        ),
        "platform": attrs.option(
            attrs.string(),
            default = None,
            doc = "Platform string that the blob is for, such as `linux-x86_64`; `None` if it is the same for all.",
        ),
        "repository": attrs.string(doc = "`HOST/REPOSITORY` without a tag, or `oci:DIR` together with `layout`."),
        "size": attrs.int(doc = "Size of the blob in bytes: a longer or shorter one is refused."),
        "strip_prefix": attrs.option(
            attrs.string(),
            default = None,
            doc = "Folder of the archive whose content is wanted; the other paths are relative to it.",
        ),
        "_oras": attrs.default_only(
            attrs.toolchain_dep(default = "toolchains//:oras", providers = [OrasToolchainInfo]),
        ),
    },
)
