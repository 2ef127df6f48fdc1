"""Buck2's half of the platform table. `src/model/platform.ts` is the other half; a test keeps both in step."""

# Platform string → configuration settings of the platform.
PLATFORM_CONSTRAINTS = {
    "darwin-arm64": ["prelude//os:macos", "prelude//cpu:arm64"],
    "darwin-x86_64": ["prelude//os:macos", "prelude//cpu:x86_64"],
    "linux-aarch64": ["prelude//os:linux", "prelude//cpu:arm64"],
    "linux-x86_64": ["prelude//os:linux", "prelude//cpu:x86_64"],
    "windows-arm64": ["prelude//os:windows", "prelude//cpu:arm64"],
    "windows-x86_64": ["prelude//os:windows", "prelude//cpu:x86_64"],
}

# The machine that Buck2 runs on, for `buck2 run` on targets of this cell: a project's default platform does not cover other cells.
HOST_PLATFORM = "prelude//platforms:default"

def on_windows(windows: str, others: str) -> Select:
    """Selects `windows` on Windows, and `others` elsewhere."""
    return select({
        "DEFAULT": others,
        "prelude//os:windows": windows,
    })
