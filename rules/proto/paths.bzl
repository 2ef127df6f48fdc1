"""Import paths of `.proto` files, with the prefixes of Bazel's `proto_library`."""

load("//rules:checks.bzl", "check_path", "fail_attribute")

def _join(folder: str, path: str) -> str:
    return "/".join([part for part in [folder, path] if part])

def _prefix(ctx: AnalysisContext, attribute: str, path: str) -> str:
    """A prefix without `.` and without a `/` at its end."""
    normal = "/".join([part for part in path.split("/") if part not in ["", "."]])
    if normal:
        check_path(ctx.label, attribute, "/" + normal if path.startswith("/") else normal)
    return normal

def _root(ctx: AnalysisContext, package: str) -> str:
    """Folder of the cell where the import paths begin."""
    strip = ctx.attrs.strip_import_prefix
    if strip == None:
        return ""
    if strip.startswith("/"):
        return _prefix(ctx, "strip_import_prefix", strip.removeprefix("/"))
    return _join(package, _prefix(ctx, "strip_import_prefix", strip))

def import_paths(ctx: AnalysisContext) -> dict[str, Artifact]:
    """Import path → file, of a rule with `srcs`, `import_prefix` and `strip_import_prefix`.

    A generated file lies in the package of the target that generates the file; Buck2 tells no package of a source file of another target, which
    counts as a file of this package.
    """
    prefix = _prefix(ctx, "import_prefix", ctx.attrs.import_prefix or "")
    root = _root(ctx, ctx.label.package)
    files = {}
    for src in ctx.attrs.srcs:
        package = src.owner.package if src.owner != None else ctx.label.package
        path = _join(package, src.short_path)
        if root != "" and not path.startswith(root + "/"):
            fail_attribute(
                ctx.label,
                "strip_import_prefix",
                "is `{}`, which is no parent folder of `{}`".format(ctx.attrs.strip_import_prefix, path),
            )
        path = _join(prefix, path.removeprefix(root + "/") if root else path)
        if path in files:
            fail_attribute(ctx.label, "srcs", "has two files for the import path `{}`".format(path))
        files[path] = src
    return files
