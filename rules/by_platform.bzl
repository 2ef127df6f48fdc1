"""`select` on platform strings."""

def select_by_platform(values: dict[str, typing.Any], constraints: dict[str, list[str]]) -> Select:
    """Makes one `select` of values by platform string.

    The `select` has no default. On an unlisted platform, Buck2 fails and names the missing setting.

    Args:
        values: Platform string → value.
        constraints: Platform string → its configuration settings: one setting, or two (operating system, then CPU).
    """
    whole = {}
    by_os = {}
    for platform, value in values.items():
        settings = constraints[platform]
        if len(settings) == 1:
            whole[settings[0]] = value
        elif len(settings) == 2:
            by_os.setdefault(settings[0], {})[settings[1]] = value
        else:
            fail("the platform `{}` must have one or two constraints, not {}".format(platform, settings))
    return select(whole | {os: select(by_cpu) for os, by_cpu in by_os.items()})

def any_of(alternatives: list[str] | Select | None, platform: str, constraints: dict[str, list[str]]) -> list[str] | Select:
    """`compatible_with` of a platform's target as a value for `target_compatible_with`.

    Where none of the alternatives holds, the value is the settings of another platform, which never hold together with the target's own. A value
    that already is a `select`, or a project with one platform, has no such value: there the result is empty.

    Args:
        alternatives: Configuration settings of which one must hold; `None` or an empty list if all platforms are compatible.
        platform: Platform string of the target.
        constraints: Platform string → its configuration settings.
    """
    others = [settings for other, settings in constraints.items() if other != platform]
    if not isinstance(alternatives, list) or not alternatives or not others:
        return []
    value = others[0]
    for setting in reversed(alternatives):
        value = select({setting: [], "DEFAULT": value})
    return value
