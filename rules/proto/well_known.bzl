"""The `.proto` files that protoc's releases bring along."""

# Files with messages, for which the runtimes of some languages need generated code (`src/google/protobuf` of protobuf 33.0).
WELL_KNOWN_TYPES = ["google/protobuf/{}.proto".format(name) for name in [
    "any",
    "api",
    "descriptor",
    "duration",
    "empty",
    "field_mask",
    "source_context",
    "struct",
    "timestamp",
    "type",
    "wrappers",
]]

# Everything in the include folder of a release: what any file may import without a dependency.
PROTOC_FILES = WELL_KNOWN_TYPES + ["google/protobuf/{}.proto".format(name) for name in [
    "compiler/plugin",
    "cpp_features",
    "go_features",
    "java_features",
]]
