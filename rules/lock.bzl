"""`oras_tool`: one tool of `oras.lock.json`, for every platform that it is locked for."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":artifact.bzl", "oras_artifact")
load(":by_platform.bzl", "select_by_platform")
load(":checks.bzl", "ARCHIVE_FORMATS")
load(":folder.bzl", "oras_folder")

_LOCK_VERSION = 1

# The lock says these.
_RESERVED = ["digest", "format", "parts", "platform", "repository", "size"]

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
    """Declares a tool as the lock file pins it; the platform is chosen by `select`, without a default.

    Several layers are joined into one folder as `oras pull` lays them out; the folder is the target `name` then.

    Args:
        name: Name of the target, and of the file that it gives.
        lock: `value` of the lock file: `load("//:oras.lock.json", lock = "value")`.
        tool: Name in the lock file (default: `name`).
        layout: The layout folder (a path in this package or a target), for a tool whose reference begins with `oci:`.
        constraints: Platform string → configuration settings that tell the platform. For a project without Buck2's prelude.
        executable: Path of the executable in the folder, instead of the one that the lock names; for a single file see
            `oras_artifact`. Like the next three, one for all or a dict from platform string.
        include: Path of the include folder, instead of the one that the lock names.
        strip_prefix: Folder of the archive whose content is wanted; the other paths are relative to it.
        sub_targets: Paths in the folder that become sub-targets.
        **kwargs: Any other attribute of a target, such as `visibility`.
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
    if max([len(entry["layers"]) for entry in locked.values()]) == 1:
        rows = {
            platform: _layer_attributes(entry["layers"][0], platform, override) | _origin(entry, platform, layout)
            for platform, entry in locked.items()
        }
        oras_artifact(name = name, **(_select_each(key, rows, constraints) | kwargs))
        return
    if strip_prefix:
        fail("`strip_prefix` of the tool `{}` has no use: the lock file has several layers of it, in one folder".format(name))
    if "out" in kwargs:
        fail("`out` of the tool `{}` has no use: several layers make a folder, which is named by the target".format(name))
    rows = {
        platform: _folder_attributes(name, entry, platform, layout, override)
        for platform, entry in locked.items()
    }
    oras_folder(name = name, **(_select_each(key, rows, constraints) | kwargs))

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

def _origin(entry: dict[str, typing.Any], platform: str, layout: str | None) -> dict[str, typing.Any]:
    return {
        "layout": layout if entry["repository"].startswith("oci:") else None,
        "platform": None if platform == "any" else platform,
        "repository": entry["repository"],
    }

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

def _layer_attributes(layer: dict[str, typing.Any], platform: str, override: struct) -> dict[str, typing.Any]:
    prefix = _of(override.strip_prefix, platform)
    is_archive = layer["format"] in ARCHIVE_FORMATS
    executable = _of(override.executable, platform)
    if executable == None and is_archive:
        executable = _below(layer.get("executable"), prefix)
    return {
        "digest": layer["digest"],
        "executable": executable,
        "format": layer["format"],
        "include": _of(override.include, platform) or _below(layer.get("include"), prefix),
        "size": layer["size"],
        "strip_prefix": prefix,
        "sub_targets": _of(override.sub_targets, platform) or [],
    }

def _folder_attributes(
        name: str,
        entry: dict[str, typing.Any],
        platform: str,
        layout: str | None,
        override: struct) -> dict[str, typing.Any]:
    """Declares an artifact for each layer, and returns the attributes of the folder that joins them."""
    parts = {}
    executable = _of(override.executable, platform)
    include = _of(override.include, platform)
    for index, layer in enumerate(entry["layers"]):
        part = "{}__{}_{}".format(name, platform, index)
        folder = layer.get("unpackInto")
        oras_artifact(
            name = part,
            digest = layer["digest"],
            executable = None if folder else layer.get("executable") == layer["title"],
            format = layer["format"] if folder or layer["format"] not in ARCHIVE_FORMATS else "raw",
            size = layer["size"],
            strip_prefix = folder,
            **_origin(entry, platform, layout)
        )
        parts[folder or layer["title"]] = ":" + part
        executable = executable or layer.get("executable")
        include = include or layer.get("include")
    origin = _origin(entry, platform, None)
    return {
        "digest": entry["manifest"],
        "executable": executable,
        "include": include,
        "parts": parts,
        "platform": origin["platform"],
        "repository": origin["repository"],
        "sub_targets": _of(override.sub_targets, platform) or [],
    }

def _select_each(
        key: str,
        rows: dict[str, dict[str, typing.Any]],
        constraints: dict[str, list[str]]) -> dict[str, typing.Any]:
    """Rows of attributes by platform → one row whose attributes are selects."""
    if list(rows) == ["any"]:
        return rows["any"]
    for platform in rows:
        if platform not in constraints:
            fail("no constraints for the platform `{}` of the tool `{}`: there are some for {}".format(
                platform,
                key,
                ", ".join(constraints),
            ))
    attribute_names = list(rows.values())[0].keys()
    return {
        attribute: select_by_platform({platform: row[attribute] for platform, row in rows.items()}, constraints)
        for attribute in attribute_names
    }
