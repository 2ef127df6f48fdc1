"""The targets of one platform of a locked tool."""

load(":artifact.bzl", "oras_artifact")
load(":checks.bzl", "ARCHIVE_TYPES")
load(":common.bzl", "TARGET_ATTRIBUTES")
load(":folder.bzl", "oras_folder")
load(":native.bzl", "ACCESS_KINDS")
load(":native_file.bzl", "declare_native_file")

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

def declare_file(
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

def declare_folder(
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
    common = {one: value for one, value in attributes.items() if one in TARGET_ATTRIBUTES and one != "visibility"}
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
