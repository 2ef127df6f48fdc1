"""`oras_toolchain`: which `buck2-oras` fetches artifacts, and where it may run."""

load(":common.bzl", "common_attributes")

OrasToolchainInfo = provider(
    doc = "How `oras_artifact` fetches and unpacks: the `cli`, and whether it must `extract_locally`.",
    fields = {
        "cli": provider_field(RunInfo),
        "extract_locally": provider_field(bool),
    },
)

def _oras_toolchain_impl(ctx: AnalysisContext) -> list[Provider]:
    return [
        DefaultInfo(),
        OrasToolchainInfo(
            cli = RunInfo(args = cmd_args(ctx.attrs.cli[RunInfo], ctx.attrs.options)),
            extract_locally = not ctx.attrs.workers_can_run,
        ),
    ]

oras_toolchain = rule(
    doc = "The toolchain of `oras_artifact` and `oras_tool`: one named `oras` stands in the cell `toolchains`.",
    impl = _oras_toolchain_impl,
    is_toolchain_rule = True,
    attrs = common_attributes | {
        # Resolves in the cell of this file, whatever the consumer calls that cell.
        "cli": attrs.exec_dep(
            default = "//tools:oras",
            providers = [RunInfo],
            doc = "The executable `buck2-oras`: the one that comes with these rules, or one of your own.",
        ),
        "options": attrs.list(
            attrs.arg(),
            default = [],
            doc = "Global options of every call, such as `--ca-file=…`. They enter the digest of the actions: no secrets.",
        ),
        "workers_can_run": attrs.bool(
            default = False,
            doc = """Whether workers of a remote execution have what `cli` needs (Node). If so, archives are unpacked there;
            blobs are always fetched on the machine that builds, which has the network and the credentials.""",
        ),
    },
)
