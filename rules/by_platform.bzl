"""`select` on platform strings."""

def select_by_platform(values: dict[str, typing.Any], constraints: dict[str, list[str]]) -> Select:
    """Value by platform string → one `select`, without a default: for another platform Buck2 names what is missing.

    Args:
        values: Platform string → value.
        constraints: Platform string → the settings that tell it: one, or two (operating system, then CPU).
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
            fail("the constraints of the platform `{}` must be one or two, not {}".format(platform, settings))
    return select(whole | {os: select(by_cpu) for os, by_cpu in by_os.items()})
