"""Attributes that every target has, under the names that Buck2's prelude gives them."""

# buildifier: disable=attr-licenses
common_attributes = {
    "contacts": attrs.list(attrs.string(), default = [], doc = "Whom to ask about the target."),
    "labels": attrs.list(
        attrs.string(),
        default = [],
        doc = "Words that queries and scripts tell targets by: `attrfilter(labels, codegen, //...)`.",
    ),
    "licenses": attrs.list(attrs.source(), default = [], doc = "Files with the licences of what the target gives."),
}
