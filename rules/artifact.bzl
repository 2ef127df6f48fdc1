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
load(":info.bzl", "origin_info")
load(":native.bzl", "access_attribute", "download", "native_url")
load(":toolchain.bzl", "OrasToolchainInfo")
load(":tree.bzl", "file_name", "file_providers", "folder_attributes", "folder_providers")

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
            "must be the folder of `{}`: a path in this package, or an `oras_layout` in the folder's package".format(ctx.attrs.repository),
        )
    if not ctx.attrs.repository.startswith("oci:") and ctx.attrs.layout != None:
        fail_attribute(label, "layout", "is for `oci:` repositories only, not for `{}`".format(ctx.attrs.repository))
    if type in ARCHIVE_TYPES:
        if ctx.attrs.strip_prefix != None:
            check_path(label, "strip_prefix", ctx.attrs.strip_prefix)
        return
    for attribute in ["strip_prefix", "include", "sub_targets"]:
        if getattr(ctx.attrs, attribute):
            fail_attribute(label, attribute, "is for archives only; `type` is `{}`".format(type))

def _reference(ctx: AnalysisContext) -> cmd_args:
    """The blob's reference. Of a layout folder, only this blob and `oci-layout` are inputs: a change of other tags reruns nothing."""
    layout = ctx.attrs.layout
    if layout == None:
        return cmd_args("{}@{}".format(ctx.attrs.repository, ctx.attrs.digest))
    blob = layout.project("blobs/sha256/" + ctx.attrs.digest.removeprefix("sha256:"))
    return cmd_args(
        cmd_args("oci:", layout, "@", ctx.attrs.digest, delimiter = "", ignore_artifacts = True),
        hidden = [blob, layout.project("oci-layout")],
    )

def _manifest(ctx: AnalysisContext) -> list[str]:
    """The manifest that lists the blob: a pull-through cache that lacks the blob copies it when the manifest is asked for."""
    digest = ctx.attrs.manifest_digest
    return ["--manifest={}".format(digest)] if digest != None and ctx.attrs.layout == None else []

def _mode(executable: bool | None) -> list[str]:
    """Without a word of the user's, the bytes decide."""
    if executable == None:
        return []
    return ["--executable" if executable else "--no-executable"]

def _pull(ctx: AnalysisContext, oras: OrasToolchainInfo, output: Artifact, size_bytes: int, executable: bool | None) -> None:
    url = native_url(ctx, oras)
    if url != None:
        download(ctx, url, output, size_bytes, executable == True)
        return
    ctx.actions.run(
        cmd_args(
            "blob",
            _reference(ctx),
            "--size={}".format(size_bytes),
            _manifest(ctx),
            cmd_args(output.as_output(), format = "--output={}"),
            _mode(executable),
        ),
        category = "oras_pull",
        exe = WorkerRunInfo(exe = oras.cli.args, worker = oras.worker) if oras.worker != None else oras.cli,
        # Only this machine surely has the network, the credentials and the cache. Other machines get the result from a remote cache.
        local_only = oras.pull_locally,
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

def _oras_artifact_impl(ctx: AnalysisContext) -> list[Provider]:
    type = renamed(ctx, "type", "format", "raw")
    size_bytes = renamed(ctx, "size_bytes", "size")
    _check(ctx, type, size_bytes)
    oras = ctx.attrs._oras[OrasToolchainInfo]
    if type in FILE_TYPES:
        output = ctx.actions.declare_output(file_name(ctx), has_content_based_path = True)

        # A path is refused below.
        executable = ctx.attrs.executable if ctx.attrs.executable in [True, False] else None
        if type == "raw":
            _pull(ctx, oras, output, size_bytes, executable)
        else:
            blob = ctx.actions.declare_output("__blob__", has_content_based_path = True)
            _pull(ctx, oras, blob, size_bytes, False)
            _extract(ctx, oras, blob, output, ["--single"] + _mode(executable))
        providers = file_providers(ctx, output)
    else:
        blob = ctx.actions.declare_output("__blob__", has_content_based_path = True)
        _pull(ctx, oras, blob, size_bytes, False)
        output = ctx.actions.declare_output(ctx.attrs.out or ctx.attrs.name, dir = True, has_content_based_path = True)
        strip_prefix = ctx.attrs.strip_prefix
        _extract(ctx, oras, blob, output, ["--strip-prefix=" + strip_prefix] if strip_prefix else [])
        providers = folder_providers(ctx, output)
    return providers + [origin_info(ctx, ctx.attrs.digest)]

oras_artifact = rule(
    doc = "Fetches one blob by digest. The output is the file, or the folder that the archive unpacks to.",
    impl = _oras_artifact_impl,
    attrs = common_attributes | folder_attributes | {
        "access": access_attribute,
        "digest": attrs.string(doc = "Digest of the blob: `sha256:` and 64 lower-case hex digits. Tags are refused."),
        "format": attrs.option(attrs.enum(FILE_TYPES + ARCHIVE_TYPES), default = None, doc = "Old name of `type`, until the next release."),
        "layout": attrs.option(
            attrs.source(allow_directory = True),
            default = None,
            doc = "OCI image layout folder, for a `repository` that begins with `oci:`. The blob becomes an input of the build.",
        ),
        "manifest_digest": attrs.option(
            attrs.string(),
            default = None,
            doc = "Digest of the manifest that lists the blob. Where the blob is missing, the manifest is asked for first: a pull-through cache copies the blob then. `OrasArtifactInfo` passes this digest on.",
        ),
        "out": attrs.option(
            attrs.string(),
            default = None,
            doc = "Name of the output (default: the target's name). An executable for Windows always gets the suffix `.exe`.",
        ),
        "platform": attrs.option(
            attrs.enum(list(PLATFORM_CONSTRAINTS)),
            default = None,
            doc = "Platform string of the blob, such as `linux-x86_64`; `None` if the blob is the same for all platforms.",
        ),
        "repository": attrs.string(doc = "`HOST/REPOSITORY` without a tag, or `oci:DIR` together with `layout`."),
        "size": attrs.option(attrs.int(), default = None, doc = "Old name of `size_bytes`, until the next release."),
        "size_bytes": attrs.option(
            attrs.int(),
            default = None,
            doc = "Required: size of the blob in bytes. A longer or shorter blob is refused.",
        ),
        "strip_prefix": attrs.option(
            attrs.string(),
            default = None,
            doc = "Folder of the archive whose content becomes the output. The other paths are relative to this folder.",
        ),
        "type": attrs.enum(
            FILE_TYPES + ARCHIVE_TYPES,
            default = "raw",
            doc = "Format of the blob: `raw` (the file itself), `gzip`, `zstd` or `xz` (one compressed file), `tar`, `tar.gz`, `tar.zst`, `tar.xz`, `zip`.",
        ),
        "_oras": attrs.default_only(
            attrs.toolchain_dep(default = "toolchains//:oras", providers = [OrasToolchainInfo]),
        ),
    },
)
