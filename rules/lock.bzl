"""`oras_tool`: one tool of `oras.lock.json`, for every platform that it is locked for."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":alias.bzl", "oras_alias")
load(":artifact.bzl", "oras_artifact")
load(":by_platform.bzl", "select_by_platform")
load(":checks.bzl", "ARCHIVE_TYPES")
load(":common.bzl", "common_attributes")
load(":folder.bzl", "oras_folder")

_LOCK_VERSION = 1

# The lock says these.
_RESERVED = ["digest", "format", "manifest_digest", "parts", "platform", "repository", "size", "size_bytes", "type"]

def oras_tool(
        *,
        name: str,
        lock: dict[str, typing.Any],
        tool: str | None = None,
        layout: str | None = None,
        constraints: dict[str, list[str]] = PLATFORM_CONSTRAINTS,
        executable: str | bool | dict[str, typing.Any] | None = None,
        include: str | dict[str, str] | None = None,
        strip_prefix: str | dict[str, str] | None = None,
        sub_targets: list[str] | dict[str, list[str]] = [],
        **kwargs: typing.Any) -> None:
    """Declares a tool as the lock file pins it.

    Each platform has a target of its own, such as `protoc__linux-x86_64`, which is compatible with that platform alone: `buck2 build //...`
    skips the others. `name` is the one for the platform that it is built for, chosen by `select`, without a default. A tool that is the same for
    all platforms is one target. Several layers, each a target such as `protoc__layer_0`, are joined into one folder as `oras pull` lays them
    out. For a platform that is not locked the tool fails, in `build //...`, too: lock it, or say `target_compatible_with`.

    Args:
        name: Name of the target, and of the file or folder that it gives.
        lock: `value` of the lock file: `load("//:oras.lock.json", lock = "value")`.
        tool: Name in the lock file (default: `name`).
        layout: The layout folder, for a tool whose reference begins with `oci:`: a path in this package, or an `oras_layout` of another one.
        constraints: Platform string → configuration settings that tell the platform. For a project without Buck2's prelude.
        executable: Path of the executable in the folder, instead of the one that the lock names; for a single file `True` or `False`. The
            target can be run if there is one. Like the next three, one for all or a dict from platform string.
        include: Path of the include folder, instead of the one that the lock names.
        strip_prefix: Folder of the archive whose content is wanted; the other paths are relative to it.
        sub_targets: Paths in the folder that become sub-targets, each of which can be run.
        **kwargs: `out`, the name of the file or folder (default: `name`), and any other attribute of a target, such as `visibility`.
    """
    key = tool or name
    for attribute in _RESERVED:
        if attribute in kwargs:
            fail("`{}` of the tool `{}` is what the lock file says: lock the tool again instead".format(attribute, name))
    locked = _locked_platforms(name, key, lock)
    override = struct(
        executable = executable,
        include = include,
        strip_prefix = strip_prefix,
        sub_targets = sub_targets,
    )
    if layout != None and not [entry for entry in locked.values() if entry["repository"].startswith("oci:")]:
        fail("`layout` of the tool `{}` has no use: the lock file has it in the registry of `{}`".format(
            name,
            list(locked.values())[0]["repository"],
        ))
    for attribute in ["executable", "include", "strip_prefix", "sub_targets"]:
        _check_platforms(name, attribute, getattr(override, attribute), constraints)
    is_folder = max([len(entry["layers"]) for entry in locked.values()]) > 1
    if strip_prefix and is_folder:
        fail("`strip_prefix` of the tool `{}` has no use: the lock file has several layers of it, in one folder".format(name))
    declare = _declare_folder if is_folder else _declare_file
    if list(locked) == ["any"]:
        declare(name, key, locked["any"], "any", layout, override, {"out": name} | kwargs)
        return
    for platform in locked:
        if platform not in constraints:
            fail("no constraints for the platform `{}` of the tool `{}`: there are some for {}".format(
                platform,
                key,
                ", ".join(constraints),
            ))
    compatible = kwargs.pop("target_compatible_with", [])

    # A target has one of the two, and the targets of platforms have the other one already.
    any_of = {"compatible_with": kwargs.pop("compatible_with")} if "compatible_with" in kwargs else {}
    names = {platform: "{}__{}".format(name, platform) for platform in locked}
    for platform, entry in locked.items():
        own = {"out": name, "target_compatible_with": constraints[platform] + compatible} | kwargs
        declare(names[platform], key, entry, platform, layout, override, own)
    kwargs.pop("out", None)
    oras_alias(
        name = name,
        actual = select_by_platform({platform: ":" + target for platform, target in names.items()}, constraints),
        **(kwargs | (any_of or {"target_compatible_with": compatible}))
    )

def _locked_platforms(name: str, key: str, lock: dict[str, typing.Any]) -> dict[str, typing.Any]:
    version = lock.get("version")
    if version != _LOCK_VERSION:
        fail(
            "the lock file of the tool `{}` has version {}, and these rules read {}: ".format(name, version, _LOCK_VERSION) +
            "update the cell of these rules, or write the lock with their `buck2-oras`",
        )
    tools = lock.get("tools", {})
    if key not in tools:
        fail("no tool `{}` in the lock file, which has {}: lock it with `buck2-oras lock add {} REFERENCE`".format(
            key,
            ", ".join(["`{}`".format(one) for one in tools]) or "none",
            key,
        ))
    platforms = tools[key].get("platforms", {})
    if not platforms:
        fail("the tool `{}` of the lock file has no platforms: run `buck2-oras lock update {}`".format(key, key))
    return platforms

def _origin(entry: dict[str, typing.Any], platform: str) -> dict[str, typing.Any]:
    return {
        "manifest_digest": entry["manifest"],
        "platform": None if platform == "any" else platform,
        "repository": entry["repository"],
    }

def _layout_of(entry: dict[str, typing.Any], layout: str | None) -> str | None:
    return layout if entry["repository"].startswith("oci:") else None

def _check_platforms(name: str, attribute: str, override: typing.Any, constraints: dict[str, list[str]]) -> None:
    """A platform that is not locked may be named, since it may be locked later; what is no platform would be left out unseen."""
    if not isinstance(override, dict):
        return
    known = list(constraints) + ["any"]
    for platform in override:
        if platform not in known:
            fail("`{}` of the tool `{}` names the platform `{}`, which is none of {}".format(
                attribute,
                name,
                platform,
                ", ".join(known),
            ))

def _of(override: typing.Any, platform: str) -> typing.Any:
    """One value for all platforms, or the platform's own."""
    return override.get(platform) if isinstance(override, dict) else override

def _below(path: str | None, prefix: str | None) -> str | None:
    """A path that the lock recorded, seen from below the prefix that is stripped."""
    if path == None or prefix == None:
        return path
    return path.removeprefix(prefix + "/") if path.startswith(prefix + "/") else None

def _is_program(layer: dict[str, typing.Any]) -> bool | None:
    """Of a single file; `None` where a lock from before did not say it, so that the bytes decide."""
    return layer["executable"] != False if "executable" in layer else None

def _declare_file(
        name: str,
        _key: str,
        entry: dict[str, typing.Any],
        platform: str,
        layout: str | None,
        override: struct,
        attributes: dict[str, typing.Any]) -> None:
    """Declares the artifact that one layer is: a file, or the folder that its archive unpacks to."""
    layer = entry["layers"][0]
    prefix = _of(override.strip_prefix, platform)
    is_archive = layer["format"] in ARCHIVE_TYPES
    executable = _of(override.executable, platform)
    if executable == None:
        executable = _below(layer.get("executable"), prefix) if is_archive else _is_program(layer)
    oras_artifact(
        name = name,
        digest = layer["digest"],
        executable = executable,
        include = _of(override.include, platform) or _below(layer.get("include"), prefix),
        layout = _layout_of(entry, layout),
        size_bytes = layer["size"],
        strip_prefix = prefix,
        sub_targets = _of(override.sub_targets, platform) or [],
        type = layer["format"],
        **(_origin(entry, platform) | attributes)
    )

def _declare_folder(
        name: str,
        key: str,
        entry: dict[str, typing.Any],
        platform: str,
        layout: str | None,
        override: struct,
        attributes: dict[str, typing.Any]) -> None:
    """Declares an artifact for each layer, and the folder that joins them."""
    parts = {}
    executable = _of(override.executable, platform)
    include = _of(override.include, platform)
    compatible = attributes.get("target_compatible_with", [])
    common = {one: attributes[one] for one in common_attributes if one in attributes}
    for index, layer in enumerate(entry["layers"]):
        part = "{}__layer_{}".format(name, index)
        folder = layer.get("unpackInto")
        oras_artifact(
            name = part,
            digest = layer["digest"],
            executable = None if folder else layer.get("executable") == layer["title"],
            layout = _layout_of(entry, layout),
            size_bytes = layer["size"],
            strip_prefix = folder,
            target_compatible_with = compatible,
            type = layer["format"] if folder or layer["format"] not in ARCHIVE_TYPES else "raw",
            **(_origin(entry, platform) | common)
        )
        parts[folder or layer["title"]] = ":" + part
        include = include or layer.get("include")
    oras_folder(
        name = name,
        executable = _executable_among(key, entry["layers"]) if executable == None else executable,
        include = include,
        parts = parts,
        sub_targets = _of(override.sub_targets, platform) or [],
        **(_origin(entry, platform) | attributes)
    )

def _executable_among(key: str, layers: list[dict[str, typing.Any]]) -> str | None:
    """Of several executables the one that bears the tool's name; with another name only the only one."""
    paths = [layer["executable"] for layer in layers if layer.get("executable")]
    for path in paths:
        if path.split("/")[-1] in [key, key + ".exe"]:
            return path
    return paths[0] if len(paths) == 1 else None
