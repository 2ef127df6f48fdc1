"""`OrasArtifactInfo`: where an artifact comes from."""

OrasArtifactInfo = provider(
    doc = """Origin of an artifact: `repository`, `manifest_digest` (`None` if not stated), `digest` of its blob (`None` for a folder of several
    blobs), and `platform` (`None` if the artifact is the same for all platforms).""",
    fields = {
        # Digest of the blob; `None` for a folder of several blobs.
        "digest": provider_field(str | None),
        # Digest of the manifest that lists the blob; `None` if not stated.
        "manifest_digest": provider_field(str | None),
        # Platform string, such as `linux-x86_64`; `None` if the artifact is the same for all platforms.
        "platform": provider_field(str | None),
        # `HOST/REPOSITORY`, or `oci:DIR`.
        "repository": provider_field(str),
    },
)

def origin_info(ctx: AnalysisContext, digest: str | None) -> OrasArtifactInfo:
    """Origin of a target by its attributes. `digest` is that of its blob; `None` for a folder of several blobs."""
    return OrasArtifactInfo(
        digest = digest,
        manifest_digest = ctx.attrs.manifest_digest,
        platform = ctx.attrs.platform,
        repository = ctx.attrs.repository,
    )
