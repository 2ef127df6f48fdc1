"""Generators of one run of protoc: languages built into protoc, and plugins of the toolchain."""

load("//rules:checks.bzl", "fail_attribute")
load(":toolchain.bzl", "ProtocToolchainInfo")

# Generators built into protoc (`protoc --help` of 33.0).
_BUILT_IN = ["cpp", "csharp", "java", "kotlin", "objc", "php", "pyi", "python", "ruby", "rust"]

def generators_of(ctx: AnalysisContext) -> dict[str, list[typing.Any]]:
    """Language → options, of a rule with `language` and `options`, or `generators`."""
    if bool(ctx.attrs.language) == bool(ctx.attrs.generators):
        fail_attribute(ctx.label, "language", "and `generators`: set exactly one of the two")
    if ctx.attrs.generators and ctx.attrs.options:
        fail_attribute(ctx.label, "options", "is for `language` only: `generators` has the options of each language")
    return ctx.attrs.generators or {ctx.attrs.language: ctx.attrs.options}

def generator_arguments(ctx: AnalysisContext, language: str, options: list[typing.Any], output: Artifact) -> struct:
    """The generator's `output` option and its other `arguments`, for `run_protoc`."""
    toolchain = ctx.attrs.toolchain[ProtocToolchainInfo]
    plugin = toolchain.plugins.get(language)
    built_in = _BUILT_IN + toolchain.languages
    if plugin == None and language not in built_in:
        fail_attribute(
            ctx.label,
            "generators" if ctx.attrs.generators else "language",
            "is `{}`, which is neither built into protoc ({}) nor one of the `plugins` or `languages` of `{}` (plugins: {})".format(
                language,
                ", ".join(built_in),
                ctx.attrs.toolchain.label.raw_target(),
                ", ".join(toolchain.plugins) or "none",
            ),
        )

    # protoc prefers its own generator to a plugin of the same name. `js` was built in until 3.20.
    name = "plugin-" + language if plugin != None and language in built_in + ["js"] else language
    arguments = [cmd_args(option, format = "--{}_opt={{}}".format(name)) for option in options]
    if plugin != None:
        arguments.append(cmd_args("--plugin=protoc-gen-{}=".format(name), plugin, delimiter = ""))
    return struct(arguments = arguments, output = cmd_args(output.as_output(), format = "--{}_out={{}}".format(name)))
