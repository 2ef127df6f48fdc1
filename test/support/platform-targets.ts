/** `platforms/BUCK` of a project: one `platform` for each platform string, as a user would declare it. */
import { type PlatformString, platformStrings } from "../../src/model/platform.ts";

const constraints: Readonly<Record<PlatformString, readonly [os: string, cpu: string]>> = {
  "linux-x86_64": ["linux", "x86_64"],
  "linux-aarch64": ["linux", "arm64"],
  "darwin-x86_64": ["macos", "x86_64"],
  "darwin-arm64": ["macos", "arm64"],
  "windows-x86_64": ["windows", "x86_64"],
  "windows-arm64": ["windows", "arm64"],
};

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
