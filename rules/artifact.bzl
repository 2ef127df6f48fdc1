"""`oras_artifact`: one blob, fetched from an OCI registry or an image layout by its digest."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(
    ":checks.bzl",
    "ARCHIVE_TYPES",
    "FILE_TYPES",
    "check_digest",
    "check_path",
    "check_repository",
    "check_size",
    "fail_attribute",
    "renamed",
)
load(":common.bzl", "common_attributes")
load(":errors.bzl", "oras_error_handler")
load(":toolchain.bzl", "OrasToolchainInfo")
load(":tree.bzl", "file_providers", "folder_attributes", "folder_providers")

OrasArtifactInfo = provider(
    doc = """Where an artifact came from: `repository`, `manifest_digest` (`None` where nobody said it), `digest` of its blob (`None` for a folder of
    several), and the `platform` that it is for (`None` if it is the same for all).""",
    fields = {
        # Of the blob; `None` for several blobs in one folder.
        "digest": provider_field(str | None),
        # Of the manifest that the blob is a layer of; `None` where nobody said it.
        "manifest_digest": provider_field(str | None),
        # A platform string, such as `linux-x86_64`; `None` for an artifact that is the same for all.
        "platform": provider_field(str | None),
        # `HOST/REPOSITORY`, or `oci:DIR`.
        "repository": provider_field(str),
    },
)

def _check(ctx: AnalysisContext, type: str, size_bytes: int | None) -> None:
    label = ctx.label
    check_repository(label, "repository", ctx.attrs.repository)
    check_digest(label, "digest", ctx.attrs.digest)
    if ctx.attrs.manifest_digest != None:
        check_digest(label, "manifest_digest", ctx.attrs.manifest_digest)
    check_size(label, "size_bytes", size_bytes)
    if ctx.attrs.out != None:
        check_path(label, "out", ctx.attrs.out)
    if ctx.attrs.repository.startswith("oci:") and ctx.attrs.layout == None:
        fail_attribute(
            label,
            "layout",
            "must be the folder of `{}`: a path in this package, or an `oras_layout` of the package that has it".format(ctx.attrs.repository),
        )
    if not ctx.attrs.repository.startswith("oci:") and ctx.attrs.layout != None:
        fail_attribute(label, "layout", "has no use with the registry of `{}`".format(ctx.attrs.repository))
    if type in ARCHIVE_TYPES:
        if ctx.attrs.strip_prefix != None:
            check_path(label, "strip_prefix", ctx.attrs.strip_prefix)
        return
    for attribute in ["strip_prefix", "include", "sub_targets"]:
        if getattr(ctx.attrs, attribute):
            fail_attribute(label, attribute, "has a meaning for archives only; `type` is `{}`".format(type))

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

def _pull(ctx: AnalysisContext, cli: RunInfo, output: Artifact, size_bytes: int, is_executable: bool) -> None:
    ctx.actions.run(
        cmd_args(
            cli,
            "blob",
            _reference(ctx),
            "--size={}".format(size_bytes),
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
    type = renamed(ctx, "type", "format", "raw")
    size_bytes = renamed(ctx, "size_bytes", "size")
    _check(ctx, type, size_bytes)
    oras = ctx.attrs._oras[OrasToolchainInfo]
    is_executable = ctx.attrs.executable == True
    if type in FILE_TYPES:
        output = ctx.actions.declare_output(_file_name(ctx), has_content_based_path = True)
        if type == "raw":
            _pull(ctx, oras.cli, output, size_bytes, is_executable)
        else:
            blob = ctx.actions.declare_output("__blob__", has_content_based_path = True)
            _pull(ctx, oras.cli, blob, size_bytes, False)
            _extract(ctx, oras, blob, output, ["--single"] + (["--executable"] if is_executable else []))
        providers = file_providers(ctx, output)
    else:
        blob = ctx.actions.declare_output("__blob__", has_content_based_path = True)
        _pull(ctx, oras.cli, blob, size_bytes, False)
        output = ctx.actions.declare_output(ctx.attrs.out or ctx.attrs.name, dir = True, has_content_based_path = True)
        strip_prefix = ctx.attrs.strip_prefix
        _extract(ctx, oras, blob, output, ["--strip-prefix=" + strip_prefix] if strip_prefix else [])
        providers = folder_providers(ctx, output)
    return providers + [
        OrasArtifactInfo(
            digest = ctx.attrs.digest,
            manifest_digest = ctx.attrs.manifest_digest,
            platform = ctx.attrs.platform,
            repository = ctx.attrs.repository,
        ),
    ]

oras_artifact = rule(
    doc = "Fetches one blob by digest; the output is the file, or the folder that the archive unpacks to.",
    impl = _oras_artifact_impl,
    attrs = common_attributes | folder_attributes | {
        "digest": attrs.string(doc = "`sha256:` and 64 lower-case hex digits of the blob; tags are refused."),
        "format": attrs.option(attrs.enum(FILE_TYPES + ARCHIVE_TYPES), default = None, doc = "The old name of `type`, until the next release."),
        "layout": attrs.option(
            attrs.source(allow_directory = True),
            default = None,
            doc = "The OCI image layout folder, for a `repository` that begins with `oci:`. The blob is an input of the build.",
        ),
        "manifest_digest": attrs.option(
            attrs.string(),
            default = None,
            doc = "Digest of the manifest that the blob is a layer of, for whoever asks `OrasArtifactInfo`.",
        ),
        "out": attrs.option(
            attrs.string(),
            default = None,
            doc = "Name of the output (default: of the target); an executable for Windows is named `.exe` in any case.",
        ),
        "platform": attrs.option(
            attrs.enum(list(PLATFORM_CONSTRAINTS)),
            default = None,
            doc = "Platform string that the blob is for, such as `linux-x86_64`; `None` if it is the same for all.",
        ),
        "repository": attrs.string(doc = "`HOST/REPOSITORY` without a tag, or `oci:DIR` together with `layout`."),
        "size": attrs.option(attrs.int(), default = None, doc = "The old name of `size_bytes`, until the next release."),
        "size_bytes": attrs.option(
            attrs.int(),
            default = None,
            doc = "Required: size of the blob in bytes. A longer or shorter one is refused.",
        ),
        "strip_prefix": attrs.option(
            attrs.string(),
            default = None,
            doc = "Folder of the archive whose content is wanted; the other paths are relative to it.",
        ),
        "type": attrs.enum(
            FILE_TYPES + ARCHIVE_TYPES,
            default = "raw",
            doc = "What the blob's bytes are: `raw` (the file itself), `gzip` or `zstd` (of one file), `tar`, `tar.gz`, `tar.zst`, `zip`.",
        ),
        "_oras": attrs.default_only(
            attrs.toolchain_dep(default = "toolchains//:oras", providers = [OrasToolchainInfo]),
        ),
    },
)
