"""`proto_generate`: source code from `.proto` files."""

load("//rules:checks.bzl", "check_path", "fail_attribute")
load(":generators.bzl", "generator_arguments", "generators_of")
load(":protoc.bzl", "proto_inputs", "protoc_attributes", "run_protoc")

# Names that protoc takes for one archive with all files, not for a folder.
_ARCHIVES = (".jar", ".srcjar", ".zip")

def _proto_generate_impl(ctx: AnalysisContext) -> list[Provider]:
    inputs = proto_inputs(ctx)
    name = ctx.attrs.out or ctx.attrs.name
    if ctx.attrs.out != None:
        check_path(ctx.label, "out", name)
    is_archive = ctx.attrs.out != None and name.endswith(_ARCHIVES)
    if is_archive and ctx.attrs.outs:
        fail_attribute(ctx.label, "outs", "names files of a folder, and `out` is the archive `{}`".format(name))
    output = ctx.actions.declare_output(name, dir = not is_archive, has_content_based_path = True)
    generators = [
        generator_arguments(ctx, language, options, output)
        for language, options in generators_of(ctx).items()
    ]
    run_protoc(
        ctx,
        inputs,
        [generator.output for generator in generators],
        [generator.arguments for generator in generators],
        category = "proto_generate",
        folder = None if is_archive else output,
    )

    outs = {}
    for path in ctx.attrs.outs:
        check_path(ctx.label, "outs", path)
        outs[path] = output.project(path, hide_prefix = True)
    return [
        DefaultInfo(
            default_outputs = list(outs.values()) or [output],
            sub_targets = {path: [DefaultInfo(default_output = out)] for path, out in outs.items()},
        ),
        inputs,
    ]

proto_generate = rule(
    doc = """Generates source code from `.proto` files with protoc. The output is a folder, or the files of the folder that
    `outs` names. Targets with generated code can depend on each other through `deps`.

    ```python
    proto_generate(
        name = "greeter_go",
        generators = {
            "go": ["paths=source_relative"],
            "go-grpc": ["paths=source_relative"],
        },
        protos = [":greeter_proto"],
    )

    # One file for a Java rule.
    proto_generate(
        name = "greeter_java",
        language = "java",
        out = "greeter.srcjar",
        protos = [":greeter_proto"],
    )
    ```
    """,
    impl = _proto_generate_impl,
    attrs = protoc_attributes | {
        "generators": attrs.dict(
            key = attrs.string(),
            value = attrs.list(attrs.arg()),
            default = {},
            doc = """Language → options, instead of `language`: several generators that write into one folder in one run of protoc, in this order.
            `{"go": ["paths=source_relative"], "go-grpc": ["paths=source_relative"]}`, or a plugin that inserts code into the files of another.""",
        ),
        "language": attrs.option(
            attrs.string(),
            default = None,
            doc = "A language built into protoc (`python`, `java`, `cpp`, …), or a name in the toolchain's `plugins`.",
        ),
        "options": attrs.list(
            attrs.arg(),
            default = [],
            doc = "Options of the generator, each passed as `--LANGUAGE_opt`.",
        ),
        "out": attrs.option(
            attrs.string(),
            default = None,
            doc = """Name of the folder (default: the target's name). With the suffix `.jar`, `.srcjar` or `.zip` the output is one archive of
            this name.""",
        ),
        "outs": attrs.list(
            attrs.string(),
            default = [],
            doc = """Paths of generated files in the folder, such as `hello/hello_pb2.py`. These files become the outputs, which other
            rules take as `srcs`, and sub-targets.""",
        ),
    },
)
