"""`ProtoInfo`, and the transitive set of folders that protoc looks for imports in."""

ProtoInfo = provider(
    doc = """`.proto` files by import path (`srcs`), and the folders of these files and of everything that they import (`imports`).
    `importable` and `exported` are the import paths that the files may import, and that the files of a dependent target may import.""",
    fields = {
        # Import paths that a dependent target may import: its own files, or without own files those of its dependencies.
        "exported": provider_field(list[str], default = []),
        # Import paths that the target's files may import: its own, and those that its direct dependencies export.
        "importable": provider_field(list[str], default = []),
        # Set of `proto_files`: the folder of the target, and those of its dependencies.
        "imports": provider_field(TransitiveSet),
        # Import path → the target's own file under that path.
        "srcs": provider_field(dict[str, Artifact]),
    },
)

def _import_option(files: struct) -> cmd_args:
    return cmd_args(files.tree, format = "--proto_path={}")

_ProtoImports = transitive_set(args_projections = {"options": _import_option})

ProtoImportsInfo = provider(
    doc = "Definition of the transitive set in `ProtoInfo`.",
    fields = {"definition": provider_field(typing.Any)},
)

def _proto_imports_impl(_ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(), ProtoImportsInfo(definition = _ProtoImports)]

proto_imports = rule(
    doc = """Gives all cells of a project the same definition of the set in `ProtoInfo`. Buck2 loads a `.bzl` file once for each cell that uses
    the file, and each time makes another definition, which does not mix with the others.""",
    impl = _proto_imports_impl,
    attrs = {},
)

imports_attributes = {
    # Resolves in the cell of this file.
    "_imports": attrs.default_only(attrs.dep(default = "//rules/proto:imports", providers = [ProtoImportsInfo])),
}

def proto_info_of(ctx: AnalysisContext, files: dict[str, Artifact], deps: list[ProtoInfo], folder: Artifact | None = None) -> ProtoInfo:
    """`ProtoInfo` of a rule with `imports_attributes`.

    Args:
        ctx: Context of the rule.
        files: Import path → file.
        deps: The targets whose files these files may import.
        folder: Folder that has the files under their import paths, perhaps with more files. Without such a folder, the files are copied.
    """
    definition = ctx.attrs._imports[ProtoImportsInfo].definition
    children = [dep.imports for dep in deps]
    reachable = []
    for dep in deps:
        reachable.extend(dep.exported)
    if not files and folder == None:
        return ProtoInfo(
            exported = reachable,
            importable = reachable,
            imports = ctx.actions.tset(definition, children = children),
            srcs = {},
        )
    tree = folder
    if tree == None:
        tree = ctx.actions.copied_dir("__imports__", files, has_content_based_path = True)
    value = struct(files = files, label = ctx.label.raw_target(), tree = tree)
    return ProtoInfo(
        exported = list(files) or reachable,
        importable = list(files) + reachable,
        imports = ctx.actions.tset(definition, value = value, children = children),
        srcs = {path: tree.project(path) for path in files},
    )

def first_files(label: Label, imports: TransitiveSet) -> dict[str, Artifact]:
    """Import path → the file that protoc finds first. Fails if two targets have different files for one path."""
    found = {}
    owners = {}
    for files in imports.traverse():
        for path, file in files.files.items():
            owner = owners.get(path)
            if owner == None:
                owners[path] = files
                found[path] = files.tree.project(path)
            elif owner.files[path] != file and owner.label != files.label:
                fail("`{}` gets the import path `{}` from two targets: `{}` and `{}`; give one of them an `import_prefix`, or drop one".format(
                    label.raw_target(),
                    path,
                    owner.label,
                    files.label,
                ))
    return found
