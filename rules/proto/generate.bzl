"""`proto_generate`: source code from `.proto` files."""

load("//rules:checks.bzl", "check_path", "fail_attribute")
load(":protoc.bzl", "proto_inputs", "protoc_attributes", "run_protoc")
load(":toolchain.bzl", "ProtocToolchainInfo")

# Generators built into protoc (`protoc --help` of 33.0).
_BUILT_IN = ["cpp", "csharp", "java", "kotlin", "objc", "php", "pyi", "python", "ruby", "rust"]

def _plugin(ctx: AnalysisContext) -> RunInfo | None:
    plugins = ctx.attrs.toolchain[ProtocToolchainInfo].plugins
    language = ctx.attrs.language
    if language not in plugins and language not in _BUILT_IN:
        fail_attribute(
            ctx.label,
            "language",
            "is `{}`, which is neither built into protoc ({}) nor one of the `plugins` of `{}` ({})".format(
                language,
                ", ".join(_BUILT_IN),
                ctx.attrs.toolchain.label.raw_target(),
                ", ".join(plugins) or "none",
            ),
        )
    return plugins.get(language)

def _proto_generate_impl(ctx: AnalysisContext) -> list[Provider]:
    inputs = proto_inputs(ctx)
    language = ctx.attrs.language
    plugin = _plugin(ctx)
    folder = ctx.actions.declare_output(ctx.attrs.name, dir = True, has_content_based_path = True)
    arguments = [cmd_args(folder.as_output(), format = "--{}_out={{}}".format(language))]
    for option in ctx.attrs.options:
        arguments.append(cmd_args(option, format = "--{}_opt={{}}".format(language)))
    if plugin != None:
        arguments.append(cmd_args("--plugin=protoc-gen-{}=".format(language), plugin, delimiter = ""))
    run_protoc(ctx, inputs, arguments, category = "proto_generate", folder = folder)

    outs = {}
    for path in ctx.attrs.outs:
        check_path(ctx.label, "outs", path)
        outs[path] = folder.project(path, hide_prefix = True)
    return [
        DefaultInfo(
            default_outputs = list(outs.values()) or [folder],
            sub_targets = {path: [DefaultInfo(default_output = out)] for path, out in outs.items()},
        ),
        inputs,
    ]

proto_generate = rule(
    doc = """Generates source code from `.proto` files with protoc. The output is a folder, or the files of the folder that
    `outs` names. Targets with generated code can depend on each other through `deps`.""",
    impl = _proto_generate_impl,
    attrs = protoc_attributes | {
        "language": attrs.string(
            doc = "A language built into protoc (`python`, `java`, `cpp`, …), or a name in the toolchain's `plugins`.",
        ),
        "options": attrs.list(
            attrs.arg(),
            default = [],
            doc = "Options of the generator, each passed as `--LANGUAGE_opt`.",
        ),
        "outs": attrs.list(
            attrs.string(),
            default = [],
            doc = """Paths of generated files in the folder, such as `hello/hello_pb2.py`. These files become the outputs, which other
            rules take as `srcs`, and sub-targets.""",
        ),
    },
)
