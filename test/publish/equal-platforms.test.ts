import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { succeeding } from "../support/succeeding.ts";

test("push: one file for four platforms is sent once", async () => {
  const registry = await inProcessRegistry();
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool.jar"), "x".repeat(100_000));
  const names = ["linux-x86_64", "linux-aarch64", "darwin-arm64", "windows-x86_64"];
  const platforms = names.flatMap((name) => ["--platform", `${name}=tool.jar`]);
  const ran = await succeeding(
    oras(["push", `${registry.host}/t/jar:1`, ...platforms, "--compression", "none", "--json"], { cwd: dir }),
  );
  const digests = JSON.parse(ran.stdout).platforms.map(({ digest }: { digest: string }) => digest);
  expect(digests).toHaveLength(4);
  expect(new Set(digests).size).toBe(1);
  expect(registry.seen.filter(({ receivedBytes }) => receivedBytes >= 100_000)).toHaveLength(1);
});
