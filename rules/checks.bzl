"""Checks of attributes; each fails with a message that names the target and the attribute.

Buck2 takes `validate =` on an attribute and ignores it, so that rules call these first.
"""

# Of a blob: what the formats of the lock file are called there (`src/lockfile/schema.ts`).
FILE_TYPES = ["raw", "gzip", "zstd"]
ARCHIVE_TYPES = ["tar", "tar.gz", "tar.zst", "zip"]

_HOST = "([A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]+)?"
_PATH_PART = "[a-z0-9]+([._-]+[a-z0-9]+)*"

def fail_attribute(label: Label, attribute: str, problem: str) -> typing.Never:
    """Fails as all checks do: `digest` of `//tools:protoc` …"""
    fail("`{}` of `{}` {}".format(attribute, label.raw_target(), problem))

def check_digest(label: Label, attribute: str, digest: str) -> None:
    """`sha256:` and 64 lower-case hex digits."""
    if not regex_match("^sha256:[0-9a-f]{64}$", digest):
        fail_attribute(label, attribute, "must be `sha256:` and 64 lower-case hex digits, not `{}`".format(digest))

def check_size(label: Label, attribute: str, size: int | None) -> None:
    """A count of bytes."""
    if size == None or size < 0:
        fail_attribute(label, attribute, "must be a number of bytes, not `{}`".format(size))

def renamed(ctx: AnalysisContext, new: str, old: str, default: typing.Any = None) -> typing.Any:
    """Value of an attribute that had another name until this release; the old name counts, and is warned of."""
    value = getattr(ctx.attrs, old)
    if value == None:
        return getattr(ctx.attrs, new)
    if getattr(ctx.attrs, new) != default:
        fail_attribute(ctx.label, old, "is the old name of `{}`: leave it out".format(new))
    warning("`{}` of `{}` is called `{}` now; the old name goes with the next release".format(old, ctx.label.raw_target(), new))
    return value

def check_repository(label: Label, attribute: str, repository: str) -> None:
    """`HOST/REPOSITORY`, or `oci:DIR`; a tag or a digest has no place in it."""
    if repository == "":
        fail_attribute(label, attribute, "must name a repository, such as `ghcr.io/acme/tools/protoc`; it is empty")
    if repository.startswith("oci:"):
        if repository == "oci:":
            fail_attribute(label, attribute, "must name a layout folder after `oci:`")
        return
    if "@" in repository or ":" in repository.split("/")[-1]:
        fail_attribute(
            label,
            attribute,
            "must be a repository without tag or digest, not `{}`: the blob is named by `digest` alone".format(repository),
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
    """A path inside a folder that we make: relative, with `/`, and no way out."""
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
