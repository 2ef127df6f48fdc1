"""Adds a hint to what protoc says of an import or a plugin that it does not find."""

_IMPORT_NOT_FOUND = ": File not found."
_PLUGIN_NOT_FOUND = ": program not found or is not executable"

# End of the message that the rules give protoc for a file of no direct dependency.
INDIRECT_IMPORT = " is imported, and no target in `deps` has it"

def _report(line: str) -> list[str] | None:
    """Category, message and remediation for a line of protoc."""
    if line.endswith(_IMPORT_NOT_FOUND):
        path = line.removesuffix(_IMPORT_NOT_FOUND).split(" ")[-1]
        remedy = "add the target with `{}` to `deps`, or give the `protoc_toolchain` an `include` folder with this file"
        if path.startswith("google/protobuf/"):
            remedy = "set `include` of the `protoc_toolchain` to a folder with `{}`, such as the include folder of a protoc release"
        return ["PROTO_IMPORT_NOT_FOUND", "no `{}` among the imports of this target".format(path), remedy.format(path)]
    if line.endswith(INDIRECT_IMPORT):
        path = line.removesuffix(INDIRECT_IMPORT).split(" ")[-1]
        return ["PROTO_IMPORT_INDIRECT", line, "add the target with `{}` to `deps`, or set `strict_deps = False`".format(path)]
    if line.endswith(_PLUGIN_NOT_FOUND):
        return ["PROTO_PLUGIN_NOT_FOUND", line, "add the plugin to `plugins` of the `protoc_toolchain`, or use a protoc that has it built in"]
    return None

def protoc_error_handler(ctx: ActionErrorCtx) -> list[ActionSubError]:
    """Makes one sub-error of each import and plugin that protoc misses. Buck2 shows the other output unchanged."""
    reports = []
    for line in ctx.stderr.splitlines():
        report = _report(line.strip())
        if report != None and report not in reports:
            reports.append(report)
    return [
        ctx.new_sub_error(category = category, message = message, remediation = remediation, show_in_stderr = True)
        for category, message, remediation in reports
    ]
