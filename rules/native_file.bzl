"""`oras_native_file`: one executable, fetched by Buck2 itself. Needs no toolchain, so it can be the executable of a toolchain."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":checks.bzl", "check_digest", "check_path", "check_repository", "check_size")
load(":common.bzl", "TARGET_ATTRIBUTES", "common_attributes")
load(":info.bzl", "origin_info")
load(":native.bzl", "access_attribute", "blob_url", "download", "native_obstacle")
load(":toolchain.bzl", "digest_algorithms_attribute", "has_sha256")
load(":tree.bzl", "file_name", "file_providers")
load(":unlocked.bzl", "oras_unlocked")

def _oras_native_file_impl(ctx: AnalysisContext) -> list[Provider]:
    check_repository(ctx.label, "repository", ctx.attrs.repository)
    check_digest(ctx.label, "digest", ctx.attrs.digest)
    check_digest(ctx.label, "manifest_digest", ctx.attrs.manifest_digest)
    check_size(ctx.label, "size_bytes", ctx.attrs.size_bytes)
    if ctx.attrs.out != None:
        check_path(ctx.label, "out", ctx.attrs.out)
    obstacle = native_obstacle(ctx.attrs.access, has_sha256(ctx.attrs._digest_algorithms))
    if ctx.attrs.access == "token":
        obstacle += ": lock the tool at a registry or a mirror that asks for none (Mirrors without logins, in docs/remote-execution.md)"
    if ctx.attrs.repository.startswith("oci:"):
        obstacle = "a layout folder is no registry: push the tool to one, and lock it there"
    if obstacle != None:
        fail("Buck2 cannot fetch `{}` itself, as `fetch = \"native\"` asks: {}".format(ctx.label.raw_target(), obstacle))
    output = ctx.actions.declare_output(file_name(ctx), has_content_based_path = True)
    url = blob_url(ctx.attrs.access, ctx.attrs.repository, ctx.attrs.digest)
    download(ctx, url, output, ctx.attrs.size_bytes, ctx.attrs.executable != False)
    return file_providers(ctx, output) + [origin_info(ctx, ctx.attrs.digest)]

oras_native_file = rule(
    doc = "One uncompressed file that Buck2 fetches itself. `oras_tool` declares it for `fetch = \"native\"`.",
    impl = _oras_native_file_impl,
    attrs = common_attributes | {
        "access": access_attribute,
        "digest": attrs.string(doc = "Digest of the blob."),
        "executable": attrs.option(attrs.bool(), default = None, doc = "`False` marks data, which cannot be run."),
        "manifest_digest": attrs.string(doc = "Digest of the manifest that lists the blob."),
        "out": attrs.option(attrs.string(), default = None, doc = "Name of the output (default: the target's name)."),
        "platform": attrs.option(
            attrs.enum(list(PLATFORM_CONSTRAINTS)),
            default = None,
            doc = "Platform string of the blob; `None` if the blob is the same for all platforms.",
        ),
        "repository": attrs.string(doc = "`HOST/REPOSITORY` without a tag."),
        "size_bytes": attrs.int(doc = "Size of the blob in bytes."),
        "_digest_algorithms": digest_algorithms_attribute,
    },
)

def declare_native_file(name: str, type: str, attributes: dict[str, typing.Any]) -> None:
    """Declares the file. A file of another format fails alone: the package may have the tool that mends the lock."""
    if type == "raw":
        oras_native_file(name = name, **attributes)
        return
    oras_unlocked(
        name = name,
        message = "`fetch = \"native\"` is for an uncompressed file, and the lock file has `{}`: ".format(type) +
                  "push the tool with `--compression none`, and run `buck2-oras lock update`",
        **{one: value for one, value in attributes.items() if one in TARGET_ATTRIBUTES}
    )
