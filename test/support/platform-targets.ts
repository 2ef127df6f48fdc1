/** The folder `platforms` of a project: target and execution platforms, as a user would declare them. */
import { type PlatformString, platformStrings } from "../../src/model/platform.ts";

const constraints: Readonly<Record<PlatformString, readonly [os: string, cpu: string]>> = {
  "linux-x86_64": ["linux", "x86_64"],
  "linux-aarch64": ["linux", "arm64"],
  "darwin-x86_64": ["macos", "x86_64"],
  "darwin-arm64": ["macos", "arm64"],
  "windows-x86_64": ["windows", "x86_64"],
  "windows-arm64": ["windows", "arm64"],
};

/** For `platforms/BUCK`: one `platform` for each platform string, under its name. */
export const platformsBuildFile = platformStrings
  .map((platform) => {
    const [os, cpu] = constraints[platform];
    return `platform(
    name = "${platform}",
    constraint_values = ["prelude//os/constraints:${os}", "prelude//cpu/constraints:${cpu}"],
    visibility = ["PUBLIC"],
)
`;
  })
  .join("\n");

const executionPlatformsRule = `def _executor_config(mode: str) -> CommandExecutorConfig:
    return CommandExecutorConfig(
        local_enabled = mode != "strict",
        remote_enabled = mode in ["hybrid", "strict"],
        use_limited_hybrid = mode == "hybrid",
        remote_cache_enabled = mode != "local",
        allow_cache_uploads = mode != "local",
        remote_execution_properties = {},
        remote_execution_use_case = "buck2-default",
        remote_output_paths = "output_paths",
    )

def _impl(ctx: AnalysisContext) -> list[Provider]:
    # The platforms for fetches come last: only what asks for them runs there.
    modes = [(dep, ctx.attrs.mode) for dep in ctx.attrs.platforms] + [(dep, "cache") for dep in ctx.attrs.fetches]
    platforms = [
        ExecutionPlatformInfo(
            label = dep.label.raw_target(),
            configuration = dep[PlatformInfo].configuration,
            executor_config = _executor_config(mode),
        )
        for dep, mode in modes
    ]
    return [DefaultInfo(), ExecutionPlatformRegistrationInfo(platforms = platforms)]

execution_platforms = rule(
    impl = _impl,
    attrs = {
        "fetches": attrs.list(attrs.dep(providers = [PlatformInfo]), default = []),
        "mode": attrs.enum(["local", "cache", "hybrid", "strict"]),
        "platforms": attrs.list(attrs.dep(providers = [PlatformInfo])),
    },
)
`;

/** For `platforms/BUCK`: a platform that has the constraint `:fetches`. */
export function fetchingPlatform(platform: PlatformString): string {
  return `constraint_setting(name = "purpose")
constraint_value(name = "fetches", constraint_setting = ":purpose", visibility = ["PUBLIC"])
platform(name = "fetching", constraint_values = [":fetches"], deps = [":${platform}"])
`;
}

/** Configuration for a project with the files of `executionPlatforms`. */
export const executionPlatformsConfig = "[build]\n  execution_platforms = root//platforms:execution\n";

/**
 * Where actions run. `local`: here. `cache`: here, with a remote cache. `hybrid`: on workers, but for actions that are
 * `local_only`. `strict`: on workers alone.
 */
export type ExecutionMode = "local" | "cache" | "hybrid" | "strict";

/**
 * A platform of another system is fit for looking at its actions only.
 *
 * @param fetching The platform that also fetches on this machine, for what asks for the constraint `root//platforms:fetches`.
 */
export function executionPlatforms(
  platforms: readonly PlatformString[],
  mode: ExecutionMode,
  fetching?: PlatformString,
): Readonly<Record<string, string>> {
  const parts = fetching === undefined ? [] : [fetchingPlatform(fetching)];
  return {
    "platforms/execution.bzl": executionPlatformsRule,
    "platforms/BUCK": `load(":execution.bzl", "execution_platforms")

${[platformsBuildFile, ...parts].join("\n")}
execution_platforms(
    name = "execution",${fetching === undefined ? "" : '\n    fetches = [":fetching"],'}
    mode = "${mode}",
    platforms = [${platforms.map((platform) => `":${platform}"`).join(", ")}],
)
`,
  };
}
