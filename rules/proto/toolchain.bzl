"""`protoc_toolchain`: protoc, its `.proto` files, and its plugins."""

load("//rules:checks.bzl", "fail_attribute")
load("//rules:common.bzl", "common_attributes")
load("//rules:shell.bzl", "ShellInfo", "wrapper")

ProtocToolchainInfo = provider(
    doc = """Tools of the rules for `.proto` files: `protoc` with its `protoc_options`, its `include` folder, its `plugins` and
    further `languages`, `make_output_folder`, and `strict_deps`: whether files import files of direct dependencies alone.""",
    fields = {
        # Folder with `google/protobuf/*.proto`.
        "include": provider_field(Artifact | None),
        # Languages that this protoc has built in, beside those of protoc's releases.
        "languages": provider_field(list[str], default = []),
        # Creates the folder `OUTPUT_FOLDER`, then runs its arguments.
        "make_output_folder": provider_field(RunInfo),
        # Language → plugin, a command of one word: `grpc-java` → `protoc-gen-grpc-java`.
        "plugins": provider_field(dict[str, RunInfo]),
        "protoc": provider_field(RunInfo),
        # Options of every run, such as `--fatal_warnings`.
        "protoc_options": provider_field(list[typing.Any], default = []),
        "strict_deps": provider_field(bool, default = False),
    },
)

toolchain_attributes = {
    "toolchain": attrs.toolchain_dep(
        default = "toolchains//:protoc",
        providers = [ProtocToolchainInfo],
        doc = "The `protoc_toolchain`, for a project that has several.",
    ),
}

def include_folder(label: Label, dep: Dependency) -> Artifact:
    """Folder of an attribute `include`. A tool from the lock has its folder as a sub-target. Any other target is the folder itself."""
    outputs = dep[DefaultInfo].sub_targets.get("include", dep)[DefaultInfo].default_outputs
    if len(outputs) != 1:
        fail_attribute(label, "include", "must be one folder; `{}` has {} outputs".format(dep.label, len(outputs)))
    return outputs[0]

def _include(ctx: AnalysisContext) -> Artifact | None:
    if ctx.attrs.include != None:
        return include_folder(ctx.label, ctx.attrs.include)
    own = ctx.attrs.protoc[DefaultInfo].sub_targets.get("include")
    return own[DefaultInfo].default_outputs[0] if own else None

def _protoc_toolchain_impl(ctx: AnalysisContext) -> list[Provider]:
    shell = ctx.attrs.shell[ShellInfo]
    return [
        DefaultInfo(),
        ProtocToolchainInfo(
            include = _include(ctx),
            languages = ctx.attrs.languages,
            make_output_folder = shell.make_output_folder,
            # protoc starts one file without arguments. A plugin may be an interpreter and its script.
            plugins = {
                language: wrapper(ctx.actions, shell, "protoc-gen-" + language, plugin[RunInfo])
                for language, plugin in ctx.attrs.plugins.items()
            },
            protoc = ctx.attrs.protoc[RunInfo],
            protoc_options = ctx.attrs.protoc_options,
            strict_deps = ctx.attrs.strict_deps,
        ),
    ]

protoc_toolchain = rule(
    doc = """Toolchain of `proto_generate` and `proto_descriptor_set`. Declare a target `protoc` in the cell `toolchains`.

    ```python
    protoc_toolchain(
        name = "protoc",
        plugins = {
            "grpc-java": "root//tools:protoc-gen-grpc-java",
            # An interpreter and its script: any target that `buck2 run` can run.
            "docs": "root//tools:docs-plugin",
        },
        protoc = "root//tools:protoc",
        protoc_options = ["--fatal_warnings"],
        strict_deps = True,
        visibility = ["PUBLIC"],
    )
    ```
    """,
    impl = _protoc_toolchain_impl,
    is_toolchain_rule = True,
    attrs = common_attributes | {
        "include": attrs.option(
            attrs.exec_dep(),
            default = None,
            doc = "Folder with `google/protobuf/*.proto` (default: the sub-target `[include]` of `protoc`, if any).",
        ),
        "languages": attrs.list(
            attrs.string(),
            default = [],
            doc = """Languages that this protoc has built in, beside those of protoc's releases: `grpc_python` of grpcio-tools, `js` of protoc before
            3.21.""",
        ),
        "plugins": attrs.dict(
            key = attrs.string(),
            value = attrs.exec_dep(providers = [RunInfo]),
            default = {},
            doc = """Language → plugin: `grpc-java` for `protoc-gen-grpc-java`. Any target that runs, such as an `oras_tool` or a script with its
            interpreter. A plugin under the name of a built-in language replaces protoc's own generator.""",
        ),
        "protoc": attrs.exec_dep(
            providers = [RunInfo],
            doc = "The compiler, such as an `oras_tool`, for the platform that runs the actions.",
        ),
        "protoc_options": attrs.list(
            attrs.arg(),
            default = [],
            doc = "Options of every run of protoc, such as `--fatal_warnings`. Buck2 shows the warnings of protoc.",
        ),
        # Resolves in the cell of this file, under any name that the consumer gives the cell.
        "shell": attrs.exec_dep(
            default = "//tools:shell",
            providers = [ShellInfo],
            doc = """Shell of the machine that runs the actions. A project without Buck2's prelude names `//tools/shell:posix` or
            `//tools/shell:windows` of these rules' cell.""",
        ),
        "strict_deps": attrs.bool(
            default = False,
            doc = """Whether files import only files of direct dependencies and the files of protoc's own releases. A target's `strict_deps` comes
            first.""",
        ),
    },
)
