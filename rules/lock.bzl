"""`oras_tool`: one tool of `oras.lock.json`, on every locked platform."""

load("//prelude_ext:platforms.bzl", "PLATFORM_CONSTRAINTS")
load(":alias.bzl", "oras_alias")
load(":by_platform.bzl", "any_of", "select_by_platform")
load(":checks.bzl", "ARCHIVE_TYPES", "FILE_TYPES")
load(":common.bzl", "TARGET_ATTRIBUTES")
load(":lock_targets.bzl", "declare_file", "declare_folder")
load(":unlocked.bzl", "oras_unlocked")

_LOCK_VERSION = 1

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
        if attribute not in TARGET_ATTRIBUTES and attribute != "out":
            fail("`oras_tool` has no attribute `{}` (the tool `{}`); beside its own, `oras_tool` takes `out`, {}".format(
                attribute,
                name,
                ", ".join(["`{}`".format(one) for one in TARGET_ATTRIBUTES]),
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
    declare = declare_folder if is_folder else declare_file
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
