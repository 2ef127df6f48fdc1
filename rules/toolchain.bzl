"""`oras_toolchain`: the `buck2-oras` that fetches artifacts, and the machines that may run it."""

load(":common.bzl", "common_attributes")

OrasToolchainInfo = provider(
    doc = "The command `cli` that fetches and unpacks artifacts, and `extract_locally`: whether only this machine may unpack.",
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
    doc = "Toolchain of `oras_artifact` and `oras_tool`. Declare a target `oras` in the cell `toolchains`.",
    impl = _oras_toolchain_impl,
    is_toolchain_rule = True,
    attrs = common_attributes | {
        # Resolves in the cell of this file, under any name that the consumer gives the cell.
        "cli": attrs.exec_dep(
            default = "//tools:oras",
            providers = [RunInfo],
            doc = "The executable `buck2-oras`: the one of these rules, or your own.",
        ),
        "options": attrs.list(
            attrs.arg(),
            default = [],
            doc = "Global options of every call, such as `--ca-file=…`. Pass no secrets: the options enter the digest of the actions.",
        ),
        "workers_can_run": attrs.bool(
            default = False,
            doc = """Whether remote execution workers have Node, which `cli` needs. If so, the workers unpack archives.
            Blobs are always fetched on the machine that builds, which has the network and the credentials.""",
        ),
    },
)
