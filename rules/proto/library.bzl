"""`proto_library`: `.proto` files under their import paths."""

load("//rules:checks.bzl", "check_path", "fail_attribute")
load("//rules:common.bzl", "common_attributes")

def _import_option(tree: Artifact) -> cmd_args:
    return cmd_args(tree, format = "--proto_path={}")

ProtoImports = transitive_set(args_projections = {"options": _import_option})

ProtoInfo = provider(
    doc = "`.proto` files by import path (`srcs`), and the folders of these files and of everything that they import (`imports`).",
    fields = {
        # Folders that hold the files under their import paths: the folder of the target and those of its dependencies.
        "imports": provider_field(ProtoImports),
        # Import path → the target's own file under that path.
        "srcs": provider_field(dict[str, Artifact]),
    },
)

proto_attributes = common_attributes | {
    "deps": attrs.list(
        attrs.dep(providers = [ProtoInfo]),
        default = [],
        doc = "Targets whose files these files import. The toolchain provides `google/protobuf/…`.",
    ),
    "import_prefix": attrs.option(
        attrs.string(),
        default = None,
        doc = "Prefix of the import paths. With a prefix, the paths begin at the package, not at the cell's root.",
    ),
    "srcs": attrs.list(
        attrs.source(),
        default = [],
        doc = "`.proto` files. Their import paths begin at the cell's root, unless a prefix says otherwise.",
    ),
    "strip_import_prefix": attrs.option(
        attrs.string(),
        default = None,
        doc = "Folder where the import paths begin: a folder of the package, or with a leading `/` a folder of the cell.",
    ),
}

def _import_path(ctx: AnalysisContext, src: Artifact) -> str:
    """Import path as in Bazel's `proto_library`: a prefix makes the path begin at the package, a leading `/` at the cell."""
    package = ctx.label.package
    strip = ctx.attrs.strip_import_prefix
    if strip == None:
        root = package if ctx.attrs.import_prefix != None else ""
    elif strip.startswith("/"):
        root = strip.removeprefix("/")
    else:
        root = _join(package, strip)
    path = _join(package, src.short_path)
    if root != "" and not path.startswith(root + "/"):
        fail_attribute(ctx.label, "strip_import_prefix", "is `{}`, which is no parent folder of `{}`".format(strip, path))
    return _join(ctx.attrs.import_prefix or "", path.removeprefix(root + "/") if root else path)

def _join(folder: str, path: str) -> str:
    return "/".join([part for part in [folder, path] if part])

def proto_info(ctx: AnalysisContext) -> ProtoInfo:
    """Checks the prefixes of a rule with `proto_attributes`, and makes its `ProtoInfo`."""
    for attribute in ["import_prefix", "strip_import_prefix"]:
        prefix = getattr(ctx.attrs, attribute)
        if prefix:
            check_path(ctx.label, attribute, prefix.removeprefix("/") if attribute == "strip_import_prefix" else prefix)
    files = {}
    for src in ctx.attrs.srcs:
        path = _import_path(ctx, src)
        if path in files:
            fail_attribute(ctx.label, "srcs", "has two files for the import path `{}`".format(path))
        files[path] = src
    children = [dep[ProtoInfo].imports for dep in ctx.attrs.deps]
    if not files:
        return ProtoInfo(imports = ctx.actions.tset(ProtoImports, children = children), srcs = {})
    tree = ctx.actions.copied_dir("__imports__", files, has_content_based_path = True)
    return ProtoInfo(
        imports = ctx.actions.tset(ProtoImports, value = tree, children = children),
        srcs = {path: tree.project(path) for path in files},
    )

def _proto_library_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_outputs = ctx.attrs.srcs), proto_info(ctx)]

proto_library = rule(
    doc = "`.proto` files that other targets import or generate code from. Runs nothing.",
    impl = _proto_library_impl,
    attrs = proto_attributes,
)
