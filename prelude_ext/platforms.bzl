"""Buck2's side of the platform table; `src/model/platform.ts` has the others, and a test keeps the two in step."""

# Platform string → the configuration settings that a platform of that kind meets.
PLATFORM_CONSTRAINTS = {
    "darwin-arm64": ["prelude//os:macos", "prelude//cpu:arm64"],
    "darwin-x86_64": ["prelude//os:macos", "prelude//cpu:x86_64"],
    "linux-aarch64": ["prelude//os:linux", "prelude//cpu:arm64"],
    "linux-x86_64": ["prelude//os:linux", "prelude//cpu:x86_64"],
    "windows-arm64": ["prelude//os:windows", "prelude//cpu:arm64"],
    "windows-x86_64": ["prelude//os:windows", "prelude//cpu:x86_64"],
}

# The machine that Buck2 runs on. For `buck2 run` on a target of this cell: a project's own default does not cover other cells.
HOST_PLATFORM = "prelude//platforms:default"

def on_windows(windows: str, others: str) -> Select:
    """One value for Windows, another for all else."""
    return select({
        "DEFAULT": others,
        "prelude//os:windows": windows,
    })
