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

const executionPlatformsRule = `def _impl(ctx: AnalysisContext) -> list[Provider]:
    executor_config = CommandExecutorConfig(
        local_enabled = ctx.attrs.mode != "strict",
        remote_enabled = ctx.attrs.mode in ["hybrid", "strict"],
        use_limited_hybrid = ctx.attrs.mode == "hybrid",
        remote_cache_enabled = ctx.attrs.mode != "local",
        allow_cache_uploads = ctx.attrs.mode != "local",
        remote_execution_properties = {},
        remote_execution_use_case = "buck2-default",
        remote_output_paths = "output_paths",
    )
    platforms = [
        ExecutionPlatformInfo(
            label = dep.label.raw_target(),
            configuration = dep[PlatformInfo].configuration,
            executor_config = executor_config,
        )
        for dep in ctx.attrs.platforms
    ]
    return [DefaultInfo(), ExecutionPlatformRegistrationInfo(platforms = platforms)]

execution_platforms = rule(
    impl = _impl,
    attrs = {
        "platforms": attrs.list(attrs.dep(providers = [PlatformInfo])),
        "mode": attrs.string(),
    },
)
`;

/** Configuration for a project with the files of `executionPlatforms`. */
export const executionPlatformsConfig = "[build]\n  execution_platforms = root//platforms:execution\n";

/**
 * Where actions run. `local`: here. `cache`: here, with a remote cache. `hybrid`: on workers, but for actions that are
 * `local_only`. `strict`: on workers alone.
 */
export type ExecutionMode = "local" | "cache" | "hybrid" | "strict";

/** A platform of another system is fit for looking at its actions only. */
export function executionPlatforms(
  platforms: readonly PlatformString[],
  mode: ExecutionMode,
): Readonly<Record<string, string>> {
  return {
    "platforms/execution.bzl": executionPlatformsRule,
    "platforms/BUCK": `load(":execution.bzl", "execution_platforms")

${platformsBuildFile}
execution_platforms(
    name = "execution",
    platforms = [${platforms.map((platform) => `":${platform}"`).join(", ")}],
    mode = "${mode}",
)
`,
  };
}
