"""`oras_alias`: the name of a tool, as an alias of one target by platform."""

load(":common.bzl", "common_attributes")

def _oras_alias_impl(ctx: AnalysisContext) -> list[Provider]:
    return ctx.attrs.actual.providers

oras_alias = rule(
    doc = "Another name of the target `actual`, which a `select` chooses by platform. `oras_tool` declares it.",
    impl = _oras_alias_impl,
    attrs = common_attributes | {
        "actual": attrs.dep(doc = "The target."),
    },
)
