"""`oras_tool`: one tool of `oras.lock.json`, on every locked platform."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":alias.bzl", "oras_alias")
load(":artifact.bzl", "oras_artifact")
load(":by_platform.bzl", "any_of", "select_by_platform")
load(":checks.bzl", "ARCHIVE_TYPES", "FILE_TYPES")
load(":common.bzl", "BUCK2_ATTRIBUTES", "common_attributes")
load(":folder.bzl", "oras_folder")
load(":native.bzl", "ACCESS_KINDS")
load(":native_file.bzl", "declare_native_file")
load(":unlocked.bzl", "oras_unlocked")

_LOCK_VERSION = 1

# Attributes of every target that the macro declares. `out` names the output as well.
_COMMON = BUCK2_ATTRIBUTES + list(common_attributes)

# Attributes that only the lock file sets.
_RESERVED = ["access", "digest", "manifest_digest", "parts", "platform", "repository", "size", "size_bytes", "type"]

def oras_tool(
        *,
        name: str,
        lock: dict[str, typing.Any],
        tool: str | None = None,
        layout: str | None = None,
        constraints: dict[str, list[str]] = PLATFORM_CONSTRAINTS,
        executable: str | bool | dict[str, typing.Any] | None = None,
        fetch: str | None = None,
        format: str | dict[str, str] | None = None,
        include: str | dict[str, str] | None = None,
        strip_prefix: str | dict[str, str] | None = None,
        sub_targets: list[str] | dict[str, list[str]] = [],
        **kwargs: typing.Any) -> None:
    """Declares a tool as the lock file pins it.

    Each platform has its own target, such as `protoc__linux-x86_64`. This target is compatible with its platform alone, so `buck2 build //...`
    skips the targets of other platforms. `name` is an alias: a `select` without a default chooses the target of the configured platform. A tool
    that is the same for all platforms is one target. Each of several layers is a target such as `protoc__layer_0`; `name` joins the layers into
    one folder, with the paths of `oras pull`. On a platform that is not locked, the tool fails, in `build //...` too: lock the platform, or set
    `target_compatible_with`. A tool that the lock does not have fails when it is built; the package's other targets stay usable.

    ```python
    load("//:oras.lock.json", lock = "value")

    oras_tool(
        name = "protoc",
        labels = ["codegen"],
        lock = lock,
        visibility = ["PUBLIC"],
    )

    # A jar is a zip archive, but stays one file.
    oras_tool(
        name = "formatter",
        format = "raw",
        lock = lock,
        out = "formatter.jar",
    )
    ```

    Args:
        name: Name of the target, and of its output file or folder.
        lock: `value` of the lock file: `load("//:oras.lock.json", lock = "value")`.
        tool: Name in the lock file (default: `name`).
        layout: Layout folder of a tool whose reference begins with `oci:`: a path in this package, or an `oras_layout` of another package.
        constraints: Platform string → its configuration settings, for a project without Buck2's prelude.
        executable: Path of the executable in the folder, instead of the lock's path; for a single file `True` or `False`. A target with an
            executable can be run. Like `format`, `include`, `strip_prefix` and `sub_targets`: one value for all platforms, or a dict by platform string.
        fetch: `native`: Buck2 itself fetches the file, without the toolchain, so that the tool can be the toolchain's own `cli`. Only for a single
            uncompressed file, at a registry that asks for no login. Without a value, the toolchain's `fetch` counts.
        format: Format of the file, instead of the lock's format: `raw` keeps a jar, a wheel or a pyz as one file, which is not unpacked; `zip` unpacks such a
            file. An archive that is kept with `raw` runs only with `executable = True`. Only for a tool of one layer.
        include: Path of the include folder, instead of the lock's path.
        strip_prefix: Folder of the archive whose content becomes the output. The other paths are relative to this folder.
        sub_targets: Paths in the folder that become sub-targets. Each sub-target can be run.
        **kwargs: `out`, the name of the file or folder (default: `name`), and any other attribute of a target, such as `visibility` or `labels`.
            The targets of platforms and layers get these attributes, too; `visibility` is for the tool itself and its platforms.
    """
    key = tool or name
    for attribute in kwargs:
        if attribute in _RESERVED:
            fail("`{}` of the tool `{}` comes from the lock file: remove `{}`, and lock the tool again".format(attribute, name, attribute))
        if attribute not in _COMMON and attribute != "out":
            fail("`oras_tool` has no attribute `{}` (the tool `{}`); beside its own, `oras_tool` takes `out`, {}".format(
                attribute,
                name,
                ", ".join(["`{}`".format(one) for one in _COMMON]),
            ))
    fault = _lock_fault(name, key, lock, constraints)
    if fault != None:
        # No failure here: it would take along every target of the package, and with them the one that mends the lock.
        oras_unlocked(name = name, message = fault, **{one: value for one, value in kwargs.items() if one != "out"})
        return
    locked = lock["tools"][key]["platforms"]
    override = struct(
        executable = executable,
        fetch = fetch,
        format = format,
        include = include,
        strip_prefix = strip_prefix,
        sub_targets = sub_targets,
    )
    if layout != None and not [entry for entry in locked.values() if entry["repository"].startswith("oci:")]:
        fail("`layout` of the tool `{}` is for `oci:` repositories only, and the lock file names `{}`".format(
            name,
            list(locked.values())[0]["repository"],
        ))
    for attribute in ["executable", "format", "include", "strip_prefix", "sub_targets"]:
        _check_platforms(name, attribute, getattr(override, attribute), constraints)
    if fetch not in [None, "native"]:
        fail("`fetch` of the tool `{}` is `{}`: write `native`, or leave `fetch` to the toolchain".format(name, fetch))
    is_folder = max([len(entry["layers"]) for entry in locked.values()]) > 1
    if strip_prefix and is_folder:
        fail("`strip_prefix` of the tool `{}` is for a single archive only, and the lock file has several layers".format(name))
    if format and is_folder:
        fail("`format` of the tool `{}` is for a single file only, and the lock file has several layers".format(name))
    for one in format.values() if isinstance(format, dict) else [format or "raw"]:
        if one not in FILE_TYPES + ARCHIVE_TYPES:
            fail("`format` of the tool `{}` is `{}`, which is none of {}".format(name, one, ", ".join(FILE_TYPES + ARCHIVE_TYPES)))
    if fetch and (is_folder or strip_prefix or include or sub_targets):
        fail("`fetch` of the tool `{}` is for a single uncompressed file: publish the tool with `push --compression none`, or remove `fetch`".format(name))
    declare = _declare_folder if is_folder else _declare_file
    if list(locked) == ["any"]:
        declare(name, key, locked["any"], "any", layout, override, {"out": name} | kwargs)
        return
    compatible = kwargs.pop("target_compatible_with", [])

    # Buck2 allows `compatible_with` or `target_compatible_with`, not both. The targets of platforms set the second one.
    alternatives = kwargs.pop("compatible_with", None)
    names = {platform: "{}__{}".format(name, platform) for platform in locked}
    for platform, entry in locked.items():
        settings = constraints[platform] + compatible + any_of(alternatives, platform, constraints)
        own = {"out": name, "target_compatible_with": settings} | kwargs
        declare(names[platform], key, entry, platform, layout, override, own)
    kwargs.pop("out", None)
    oras_alias(
        name = name,
        actual = select_by_platform({platform: ":" + target for platform, target in names.items()}, constraints),
        **(kwargs | ({"target_compatible_with": compatible} if alternatives == None else {"compatible_with": alternatives}))
    )

def _lock_fault(name: str, key: str, lock: dict[str, typing.Any], constraints: dict[str, list[str]]) -> str | None:
    """Why the lock file does not give the tool, and what to do; `None` if it gives the tool."""
    version = lock.get("version")
    if version != _LOCK_VERSION:
        return (
            "the lock file of the tool `{}` has version {}, and these rules read {}: ".format(name, version, _LOCK_VERSION) +
            "update the cell of these rules, or write the lock with the `buck2-oras` of this cell"
        )
    tools = lock.get("tools", {})
    if key not in tools:
        return "no tool `{}` in the lock file, which has {}: run `buck2-oras lock add {} REFERENCE`".format(
            key,
            ", ".join(["`{}`".format(one) for one in tools]) or "none",
            key,
        )
    if not tools[key].get("platforms", {}):
        return "the tool `{}` in the lock file has no platforms: run `buck2-oras lock update {}`".format(key, key)
    return _unknown_word(key, tools[key]["platforms"], constraints)

def _unknown_word(key: str, platforms: dict[str, typing.Any], constraints: dict[str, list[str]]) -> str | None:
    """Names a platform or a format that a newer lock may have; `None` if all are known."""
    for platform, entry in platforms.items():
        if platform not in constraints and list(platforms) != ["any"]:
            return "no constraints for the platform `{}` of the tool `{}`: `constraints` has {}; a newer cell of these rules may know the platform".format(
                platform,
                key,
                ", ".join(constraints),
            )
        for layer in entry["layers"]:
            if layer["format"] not in FILE_TYPES + ARCHIVE_TYPES:
                return "the tool `{}` in the lock file has the format `{}`, and these rules know {}: update the cell of these rules".format(
                    key,
                    layer["format"],
                    ", ".join(FILE_TYPES + ARCHIVE_TYPES),
                )
    return None

def _access(entry: dict[str, typing.Any]) -> str | None:
    """The noted access. A newer word counts as not known: a process then fetches the blob."""
    access = entry.get("access")
    return access if access in ACCESS_KINDS else None

def _origin(entry: dict[str, typing.Any], platform: str) -> dict[str, typing.Any]:
    return {
        "manifest_digest": entry["manifest"],
        "platform": None if platform == "any" else platform,
        "repository": entry["repository"],
    }

def _layout_of(entry: dict[str, typing.Any], layout: str | None) -> str | None:
    return layout if entry["repository"].startswith("oci:") else None

def _check_platforms(name: str, attribute: str, override: typing.Any, constraints: dict[str, list[str]]) -> None:
    """Refuses words that are no platform: the lock would never match them. Unlocked platforms are accepted: a later lock may add them."""
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
    """The platform's value: `override` itself, or its entry for the platform."""
    return override.get(platform) if isinstance(override, dict) else override

def _below(path: str | None, prefix: str | None) -> str | None:
    """A path of the lock, relative to the stripped prefix; `None` for a path outside the prefix."""
    if path == None or prefix == None:
        return path
    return path.removeprefix(prefix + "/") if path.startswith(prefix + "/") else None

def _is_program(layer: dict[str, typing.Any]) -> bool | None:
    """Whether a single file is an executable. `None` if an old lock does not say; then the bytes decide."""
    return layer["executable"] != False if "executable" in layer else None

def _declare_file(
        name: str,
        key: str,
        entry: dict[str, typing.Any],
        platform: str,
        layout: str | None,
        override: struct,
        attributes: dict[str, typing.Any]) -> None:
    """Declares the artifact of the only layer: a file, or the folder that the archive unpacks to."""
    layer = entry["layers"][0]
    prefix = _of(override.strip_prefix, platform)
    type = _of(override.format, platform) or layer["format"]
    is_as_locked = type == layer["format"]
    if prefix and type not in ARCHIVE_TYPES:
        fail("`strip_prefix` of the tool `{}` is for archives, and its file is `{}`: set `format = \"zip\"` if a jar, wheel or pyz shall be unpacked".format(
            key,
            type,
        ))
    executable = _of(override.executable, platform)
    if executable == None:
        if not is_as_locked:
            # The lock's words are about the other format. An archive that stays one file is data, unless the caller says otherwise.
            executable = False if type == "raw" else None
        elif type in ARCHIVE_TYPES:
            executable = _below(layer.get("executable"), prefix)
        else:
            executable = _is_program(layer)
    include = _of(override.include, platform)
    if include == None and is_as_locked:
        include = _below(layer.get("include"), prefix)
    if override.fetch != None:
        known = {"access": _access(entry), "digest": layer["digest"], "executable": executable, "size_bytes": layer["size"]}
        declare_native_file(name, type, known | _origin(entry, platform) | attributes)
        return
    oras_artifact(
        name = name,
        access = _access(entry),
        digest = layer["digest"],
        executable = executable,
        include = include,
        layout = _layout_of(entry, layout),
        size_bytes = layer["size"],
        strip_prefix = prefix,
        sub_targets = _of(override.sub_targets, platform) or [],
        type = type,
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
    """Declares one artifact for each layer, and the folder that joins the layers."""
    parts = {}
    executable = _of(override.executable, platform)
    include = _of(override.include, platform)
    common = {one: value for one, value in attributes.items() if one in _COMMON and one != "visibility"}
    for index, layer in enumerate(entry["layers"]):
        part = "{}__layer_{}".format(name, index)
        folder = layer.get("unpackInto")
        path = folder or layer["title"]
        if path in parts:
            fail("two layers of the tool `{}` are `{}` in the lock file, and one folder holds one of them: publish the artifact with other titles".format(
                key,
                path,
            ))
        parts[path] = ":" + part
        oras_artifact(
            name = part,
            access = _access(entry),
            digest = layer["digest"],
            executable = None if folder else layer.get("executable") == layer["title"],
            layout = _layout_of(entry, layout),
            size_bytes = layer["size"],
            strip_prefix = folder,
            type = layer["format"] if folder or layer["format"] not in ARCHIVE_TYPES else "raw",
            **(_origin(entry, platform) | common)
        )
        include = include or layer.get("include")
    oras_folder(
        name = name,
        executable = (entry.get("executable") or _executable_among(key, entry["layers"])) if executable == None else executable,
        include = include,
        parts = parts,
        sub_targets = _of(override.sub_targets, platform) or [],
        **(_origin(entry, platform) | attributes)
    )

def _executable_among(key: str, layers: list[dict[str, typing.Any]]) -> str | None:
    """The executable with the tool's name, or else the only executable."""
    paths = [layer["executable"] for layer in layers if layer.get("executable")]
    for path in paths:
        if path.split("/")[-1] in [key, key + ".exe"]:
            return path
    return paths[0] if len(paths) == 1 else None
