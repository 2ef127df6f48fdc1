"""`proto_library`: `.proto` files, under the paths by which others import them."""

load("//rules:checks.bzl", "check_path", "fail_attribute")
load("//rules:common.bzl", "common_attributes")

def _import_option(tree: Artifact) -> cmd_args:
    return cmd_args(tree, format = "--proto_path={}")

ProtoImports = transitive_set(args_projections = {"options": _import_option})

ProtoInfo = provider(
    doc = "`.proto` files (`srcs`, by import path) and the folders in which all that they import is found (`imports`).",
    fields = {
        # Folders that hold the files under their import paths; of the target itself and of what it depends on.
        "imports": provider_field(ProtoImports),
        # Import path → the file under that path, of the target itself.
        "srcs": provider_field(dict[str, Artifact]),
    },
)

proto_attributes = common_attributes | {
    "deps": attrs.list(
        attrs.dep(providers = [ProtoInfo]),
        default = [],
        doc = "Targets whose files these files import. `google/protobuf/…` comes from the toolchain.",
    ),
    "import_prefix": attrs.option(
        attrs.string(),
        default = None,
        doc = "Put in front of the import paths, which begin at the package then, not at the cell's root.",
    ),
    "srcs": attrs.list(
        attrs.source(),
        default = [],
        doc = "`.proto` files. Others import them by their path from the cell's root, unless a prefix says otherwise.",
    ),
    "strip_import_prefix": attrs.option(
        attrs.string(),
        default = None,
        doc = "Folder at which the import paths begin: one of the package, or with a `/` in front one of the cell.",
    ),
}

def _import_path(ctx: AnalysisContext, src: Artifact) -> str:
    """As Bazel's `proto_library` has it: a prefix of any kind makes the path begin at the package."""
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
        fail_attribute(ctx.label, "strip_import_prefix", "is `{}`, below which `{}` is not".format(strip, path))
    return _join(ctx.attrs.import_prefix or "", path.removeprefix(root + "/") if root else path)

def _join(folder: str, path: str) -> str:
    return "/".join([part for part in [folder, path] if part])

def proto_info(ctx: AnalysisContext) -> ProtoInfo:
    """The provider of a rule with `proto_attributes`."""
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
