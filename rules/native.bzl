"""Fetching by Buck2 itself: no process, and no download of a tool that nothing local reads."""

load(":toolchain.bzl", "OrasToolchainInfo")

# Answers of a registry to a plain GET without a login, under the names of the lock file (`src/lockfile/schema.ts`).
ACCESS_KINDS = ["https", "http", "token"]

access_attribute = attrs.option(
    attrs.enum(ACCESS_KINDS),
    default = None,
    doc = """What the registry gives to a plain GET without a login: the blob over `https` or `http`, or a challenge for a `token`.
    Without a value, it is not known. The toolchain's `fetch` says what follows.""",
)

def native_obstacle(access: str | None, has_sha256: bool) -> str | None:
    """Reason for which Buck2 cannot fetch a blob itself; `None` if it can."""
    if access == "token":
        return "the registry asks for a token or a login"
    if access == None:
        return "it is not known whether the registry asks for a login: run `buck2-oras lock update`, or set `access`"
    if not has_sha256:
        return "Buck2 computes other digests than SHA-256: set `digest_algorithms = SHA256` in the section `buck2` of the root cell's configuration"
    return None

def blob_url(access: str, repository: str, digest: str) -> str:
    """Address of a blob at its registry."""
    host, _, path = repository.partition("/")
    return "{}://{}/v2/{}/blobs/{}".format(access, host, path, digest)

def native_url(ctx: AnalysisContext, oras: OrasToolchainInfo) -> str | None:
    """Address of the blob for Buck2's own download; `None` if `buck2-oras` fetches the blob."""
    if oras.fetch != "native" or ctx.attrs.layout != None:
        return None
    obstacle = native_obstacle(ctx.attrs.access, oras.has_sha256)
    if obstacle == None:
        return blob_url(ctx.attrs.access, ctx.attrs.repository, ctx.attrs.digest)
    place = "" if not oras.pull_locally else "; remote execution without local actions needs a place for it"
    warning("Buck2 does not fetch `{}` itself: {}. A process of `buck2-oras` does{} (docs/remote-execution.md)".format(
        ctx.label.raw_target(),
        obstacle,
        place,
    ))
    return None

def download(ctx: AnalysisContext, url: str, output: Artifact, size_bytes: int, is_executable: bool) -> None:
    """Declares the download of the blob `digest` of the target."""
    ctx.actions.download_file(
        output,
        url,
        has_content_based_path = True,
        is_executable = is_executable,
        sha256 = ctx.attrs.digest.removeprefix("sha256:"),
        size_bytes = size_bytes,
    )
