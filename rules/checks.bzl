"""Checks of attributes. Each check fails with a message that names the target and the attribute.

Buck2 accepts `validate =` on an attribute but ignores it. So a rule's implementation calls these checks first.
"""

# Formats of a blob, under the names of the lock file (`src/lockfile/schema.ts`).
FILE_TYPES = ["raw", "gzip", "zstd", "xz"]
ARCHIVE_TYPES = ["tar", "tar.gz", "tar.zst", "tar.xz", "zip"]

_HOST = "([A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]+)?"
_PATH_PART = "[a-z0-9]+([._-]+[a-z0-9]+)*"

def fail_attribute(label: Label, attribute: str, problem: str) -> typing.Never:
    """Fails with a message such as: `digest` of `//tools:protoc` must be …"""
    fail("`{}` of `{}` {}".format(attribute, label.raw_target(), problem))

def check_digest(label: Label, attribute: str, digest: str) -> None:
    """Requires `sha256:` and 64 lower-case hex digits."""
    if not regex_match("^sha256:[0-9a-f]{64}$", digest):
        fail_attribute(label, attribute, "must be `sha256:` and 64 lower-case hex digits, not `{}`".format(digest))

def check_size(label: Label, attribute: str, size: int | None) -> None:
    """Requires a number of bytes, 0 or more."""
    if size == None or size < 0:
        fail_attribute(label, attribute, "must be a number of bytes, not `{}`".format(size))

def renamed(ctx: AnalysisContext, new: str, old: str, default: typing.Any = None) -> typing.Any:
    """Value of a renamed attribute. The old name still counts, with a warning, until the next release."""
    value = getattr(ctx.attrs, old)
    if value == None:
        return getattr(ctx.attrs, new)
    if getattr(ctx.attrs, new) != default:
        fail_attribute(ctx.label, old, "is the old name of `{}`: remove `{}`".format(new, old))
    warning("`{}` of `{}` is called `{}` now; the next release removes the old name".format(old, ctx.label.raw_target(), new))
    return value

def check_repository(label: Label, attribute: str, repository: str) -> None:
    """Requires `HOST/REPOSITORY` or `oci:DIR`, without a tag or a digest."""
    if repository == "":
        fail_attribute(label, attribute, "is empty: name a repository, such as `ghcr.io/acme/tools/protoc`")
    if repository.startswith("oci:"):
        if repository == "oci:":
            fail_attribute(label, attribute, "must name a layout folder after `oci:`")
        return
    if "@" in repository or ":" in repository.split("/")[-1]:
        fail_attribute(
            label,
            attribute,
            "must be a repository without tag or digest, not `{}`: `digest` alone names the blob".format(repository),
        )
    host = repository.split("/")[0]
    is_host = "." in host or ":" in host or host == "localhost"
    if not is_host or not regex_match("^{}(/{})+$".format(_HOST, _PATH_PART), repository):
        fail_attribute(
            label,
            attribute,
            "must be `HOST/REPOSITORY`, such as `ghcr.io/acme/tools/protoc`, not `{}`".format(repository),
        )

def check_path(label: Label, attribute: str, path: str) -> None:
    """Requires a relative path with `/`, inside the output folder."""
    problem = None
    if path == "":
        problem = "is empty"
    elif path.startswith("/") or regex_match("^[A-Za-z]:", path):
        problem = "is absolute"
    elif "\\" in path:
        problem = "has a `\\`; write `/`"
    elif ".." in path.split("/"):
        problem = "has a `..`"
    elif "" in path.split("/") or "." in path.split("/"):
        problem = "has an empty part or a `.`"
    if problem != None:
        fail_attribute(label, attribute, "must be a path inside the artifact: `{}` {}".format(path, problem))
