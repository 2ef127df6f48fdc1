"""Fetching by Buck2 itself: no process, and no download of a tool that nothing local reads."""

load(":toolchain.bzl", "OrasToolchainInfo")

# Answers of a registry to a plain GET without a login, under the names of the lock file (`src/lockfile/schema.ts`).
ACCESS_KINDS = ["https", "http", "token"]

def _obstacle(ctx: AnalysisContext, oras: OrasToolchainInfo) -> str | None:
    """Reason for which Buck2 cannot fetch the blob itself; `None` if it can."""
    if ctx.attrs.access == "token":
        return "the registry asks for a token or a login"
    if ctx.attrs.access == None:
        return "it is not known whether the registry asks for a login: run `buck2-oras lock update`, or set `access`"
    if not oras.has_sha256:
        return "Buck2 computes other digests than SHA-256: set `digest_algorithms = SHA256` in the section `buck2` of the root cell's configuration"
    return None

def native_url(ctx: AnalysisContext, oras: OrasToolchainInfo) -> str | None:
    """Address of the blob for Buck2's own download; `None` if `buck2-oras` fetches the blob."""
    if oras.fetch != "native" or ctx.attrs.layout != None:
        return None
    obstacle = _obstacle(ctx, oras)
    if obstacle == None:
        host, _, repository = ctx.attrs.repository.partition("/")
        return "{}://{}/v2/{}/blobs/{}".format(ctx.attrs.access, host, repository, ctx.attrs.digest)
    warning("Buck2 does not fetch `{}` itself: {}".format(ctx.label.raw_target(), obstacle))
    return None
