/** The tools that the lock of `examples/consumer` pins, and how they get into a registry. */
import type { PlatformString } from "../../src/model/platform.ts";
import { oras } from "./executable.ts";
import type { Skippable } from "./peers.ts";
import { fivePlatforms, grpcJavaPlugin, mavenExecutable, protoc, protocWheel } from "./real-tools.ts";
import { succeeding } from "./succeeding.ts";

/** Name in the lock → reference, without the registry. */
export const exampleReferences = {
  protoc: "tools/protoc:33.0",
  "protoc-gen-grpc-java": "tools/protoc-gen-grpc-java:1.76.0",
  "protoc-include": "tools/protoc-include:33.0",
} as const;

export interface ExampleTools {
  /** Paths by platform. */
  readonly protoc: ReadonlyMap<PlatformString, string>;
  readonly plugin: ReadonlyMap<PlatformString, string>;
  /** The Python package that has the include folder. */
  readonly wheel: string;
}

/** Without the clients that fetch them the test is skipped. */
export async function requireExampleTools(
  context: Skippable,
  platforms: readonly PlatformString[] = fivePlatforms,
): Promise<ExampleTools> {
  const protocs = new Map<PlatformString, string>();
  const plugins = new Map<PlatformString, string>();
  for (const platform of platforms) {
    protocs.set(platform, await mavenExecutable(context, protoc, platform));
    plugins.set(platform, await mavenExecutable(context, grpcJavaPlugin, platform));
  }
  return { protoc: protocs, plugin: plugins, wheel: await protocWheel(context) };
}

function perPlatform(paths: ReadonlyMap<PlatformString, string>): string[] {
  return [...paths].flatMap(([platform, path]) => ["--platform", `${platform}=${path}`]);
}

/** Runs `buck2-oras push` as the example's README has it. */
export async function pushExampleTools(tools: ExampleTools, registry: string): Promise<void> {
  const pushes: readonly (readonly string[])[] = [
    [exampleReferences.protoc, ...perPlatform(tools.protoc), "--title", "protoc"],
    [exampleReferences["protoc-gen-grpc-java"], ...perPlatform(tools.plugin), "--title", "protoc-gen-grpc-java"],
    [exampleReferences["protoc-include"], tools.wheel],
  ];
  for (const [reference = "", ...args] of pushes) {
    await succeeding(oras(["push", `${registry}/${reference}`, ...args, "--compression", "none"]));
  }
}
