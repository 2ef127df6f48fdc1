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
