"""The name of a tool: the target that is for the platform of whoever asks."""

load(":common.bzl", "common_attributes")

def _oras_alias_impl(ctx: AnalysisContext) -> list[Provider]:
    return ctx.attrs.actual.providers

oras_alias = rule(
    doc = "Another name of a target, chosen by platform; `oras_tool` writes it.",
    impl = _oras_alias_impl,
    attrs = common_attributes | {
        "actual": attrs.dep(doc = "The target."),
    },
)
