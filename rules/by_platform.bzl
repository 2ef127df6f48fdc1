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
