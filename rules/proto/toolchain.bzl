"""`protoc_toolchain`: protoc, its `.proto` files, and its plugins."""

load("//rules:checks.bzl", "fail_attribute")
load("//rules:common.bzl", "common_attributes")

ProtocToolchainInfo = provider(
    doc = "Tools of the rules for `.proto` files: `protoc`, its `include` folder, its `plugins`, and `make_output_folder`.",
    fields = {
        # Folder with `google/protobuf/*.proto`.
        "include": provider_field(Artifact | None),
        # Creates the folder `OUTPUT_FOLDER`, then runs its arguments.
        "make_output_folder": provider_field(RunInfo),
        # Language → plugin: `grpc-java` → `protoc-gen-grpc-java`.
        "plugins": provider_field(dict[str, RunInfo]),
        "protoc": provider_field(RunInfo),
    },
)

def _include(ctx: AnalysisContext) -> Artifact | None:
    dep = ctx.attrs.include
    if dep == None:
        own = ctx.attrs.protoc[DefaultInfo].sub_targets.get("include")
        return own[DefaultInfo].default_outputs[0] if own else None

    # A tool from the lock has its include folder as a sub-target. Any other target is the include folder itself.
    outputs = dep[DefaultInfo].sub_targets.get("include", dep)[DefaultInfo].default_outputs
    if len(outputs) != 1:
        fail_attribute(ctx.label, "include", "must be one folder; `{}` has {} outputs".format(dep.label, len(outputs)))
    return outputs[0]

def _protoc_toolchain_impl(ctx: AnalysisContext) -> list[Provider]:
    return [
        DefaultInfo(),
        ProtocToolchainInfo(
            include = _include(ctx),
            make_output_folder = ctx.attrs._make_output_folder[RunInfo],
            plugins = {language: plugin[RunInfo] for language, plugin in ctx.attrs.plugins.items()},
            protoc = ctx.attrs.protoc[RunInfo],
        ),
    ]

protoc_toolchain = rule(
    doc = "Toolchain of `proto_generate` and `proto_descriptor_set`. Declare a target `protoc` in the cell `toolchains`.",
    impl = _protoc_toolchain_impl,
    is_toolchain_rule = True,
    attrs = common_attributes | {
        "include": attrs.option(
            attrs.exec_dep(),
            default = None,
            doc = "Folder with `google/protobuf/*.proto` (default: the sub-target `[include]` of `protoc`, if any).",
        ),
        "plugins": attrs.dict(
            key = attrs.string(),
            value = attrs.exec_dep(providers = [RunInfo]),
            default = {},
            doc = "Language → plugin, a single executable file: `grpc-java` for `protoc-gen-grpc-java`.",
        ),
        "protoc": attrs.exec_dep(
            providers = [RunInfo],
            doc = "The compiler, such as an `oras_tool`, for the platform that runs the actions.",
        ),
        "_make_output_folder": attrs.default_only(
            attrs.exec_dep(default = "//tools:make-output-folder", providers = [RunInfo]),
        ),
    },
)
