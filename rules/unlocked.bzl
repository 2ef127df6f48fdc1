"""`oras_unlocked`: a tool that the lock file does not have, or not in a form that these rules read."""

load(":common.bzl", "common_attributes")

def _oras_unlocked_impl(ctx: AnalysisContext) -> list[Provider]:
    fail("`{}`: {}".format(ctx.label.raw_target(), ctx.attrs.message))

oras_unlocked = rule(
    doc = "Fails with `message` when it is built. The other targets of the package stay usable, such as the executable that mends the lock.",
    impl = _oras_unlocked_impl,
    attrs = common_attributes | {
        "message": attrs.string(doc = "What is wrong, and what to do."),
    },
)
