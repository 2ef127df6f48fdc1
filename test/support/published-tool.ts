/** A small tool in a registry or a layout, as a failure test wants it: of bytes that nothing has cached. */
import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { sha256 } from "./layout-project.ts";
import { succeeding } from "./succeeding.ts";

export interface PublishedTool {
  /** Of the blob. */
  readonly digest: string;
  readonly size: number;
  /** `oras_artifact(…)` for a build file. */
  readonly target: (name: string) => string;
}

/**
 * @param location `HOST/REPOSITORY` or `oci:DIR`
 * @param env A login, where one is needed.
 */
export async function publishTool(
  location: string,
  env: Readonly<Record<string, string>> = {},
): Promise<PublishedTool> {
  const folder = temporaryFolder();
  const text = `#!/bin/sh\necho ${randomBytes(8).toString("hex")}\n`;
  const path = join(folder, "tool");
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  await succeeding(oras(["push", `${location}:1.0`, path], { env }));
  return toolTarget(location, sha256(text), text.length);
}

export function toolTarget(location: string, digest: string, size: number): PublishedTool {
  return {
    digest,
    size,
    target: (name) => `oras_artifact(
    name = "${name}",
    digest = "${digest}",
    repository = "${location}",
    size_bytes = ${size},
)
`,
  };
}
