"""Attributes that every target has, under the names that Buck2's prelude gives them."""

# buildifier: disable=attr-licenses
common_attributes = {
    "contacts": attrs.list(attrs.string(), default = [], doc = "People to ask about the target."),
    "labels": attrs.list(
        attrs.string(),
        default = [],
        doc = "Words by which queries and scripts select targets: `attrfilter(labels, codegen, //...)`.",
    ),
    "licenses": attrs.list(attrs.source(), default = [], doc = "Licence files of the target's output."),
}

# Attributes that Buck2 gives every target, whatever its rule. `buck2 docs starlark` lists them.
BUCK2_ATTRIBUTES = [
    "compatible_with",
    "default_target_platform",
    "exec_compatible_with",
    "metadata",
    "modifiers",
    "target_compatible_with",
    "tests",
    "visibility",
    "within_view",
]

# What every rule of this package takes, beside its own attributes. A macro passes it on to all its targets.
TARGET_ATTRIBUTES = BUCK2_ATTRIBUTES + list(common_attributes)
