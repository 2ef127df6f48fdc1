"""Adds a hint to what protoc says of an import that it does not find."""

_NOT_FOUND = ": File not found."

def _hint(path: str) -> str:
    if path.startswith("google/protobuf/"):
        return "set `include` of the `protoc_toolchain` to a folder with `{}`, such as the include folder of a protoc release".format(path)
    return "add the target with `{}` to `deps`, or give the `protoc_toolchain` an `include` folder with this file".format(path)

def protoc_error_handler(ctx: ActionErrorCtx) -> list[ActionSubError]:
    """Makes one sub-error of each import that protoc does not find. Buck2 shows the other output unchanged."""
    missing = []
    for line in ctx.stderr.splitlines():
        if line.endswith(_NOT_FOUND):
            path = line.removesuffix(_NOT_FOUND).split(" ")[-1]
            if path not in missing:
                missing.append(path)
    return [
        ctx.new_sub_error(
            category = "PROTO_IMPORT_NOT_FOUND",
            message = "no `{}` among the imports of this target".format(path),
            remediation = _hint(path),
            show_in_stderr = True,
        )
        for path in missing
    ]
