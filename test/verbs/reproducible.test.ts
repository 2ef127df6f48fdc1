/** One input, one digest: on every Node, under every umask, with every compressor. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { requireNode } from "../support/node-versions.ts";
import { run } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

/** Bytes that compress a little, the same on every machine. */
function bytes(count: number): Buffer {
  const buffer = Buffer.alloc(count);
  let state = 1;
  for (let index = 0; index < count; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    buffer[index] = (state >>> 16) & (index % 3 === 0 ? 0x0f : 0xff);
  }
  return buffer;
}

function makeTool(dir: string): void {
  mkdirSync(join(dir, "kit/bin"), { recursive: true });
  mkdirSync(join(dir, "kit/include"));
  writeFileSync(join(dir, "kit/bin/tool"), Buffer.concat([Buffer.from("#!/bin/sh\n"), bytes(500_000)]));
  chmodSync(join(dir, "kit/bin/tool"), 0o755);
  writeFileSync(join(dir, "kit/include/a.proto"), 'syntax = "proto3";\n');
  symlinkSync("tool", join(dir, "kit/bin/alias"));
  writeFileSync(join(dir, "single"), bytes(300_000));
}

/** A change of one of these is a change of what is published: every lock that is made anew gets other digests. */
const published = {
  zstd: "sha256:d092e54282de08da1b594a0af11f87542d7c4c98f772accb76b610ab264b67fb",
  gzip: "sha256:64221b38bac0b6350f3e893f17f2078b3e57fa71053f20c21c9125edcda14d66",
  none: "sha256:c4f9ed5b887b7ac77664bbb145144b524e6b878561653fab31db7bead4b555a4",
} as const;

describe.each(["20.19.0", "22", "24", "26"])("Node %s", (version) => {
  test.for(["000", "022", "077"])("umask %s: push gives the digests that it always gave", async (umask, context) => {
    const node = requireNode(context, version);
    const dir = temporaryFolder();
    const command = `umask ${umask} && mkdir work && cp -r made/kit made/single work && cd work && exec "$0" "$@"`;
    mkdirSync(join(dir, "made"));
    makeTool(join(dir, "made"));
    for (const [compression, digest] of Object.entries(published)) {
      const args = ["push", "oci:../layout:1", "--platform", "linux-x86_64=kit", "--platform", "darwin-arm64=single"];
      const options = ["--compression", compression, "--annotation", "b=2", "--annotation", "a=1", "--json"];
      const cwd = join(dir, compression);
      await succeeding(run("sh", ["-c", `mkdir -p '${cwd}' && cp -r made '${cwd}'`], { cwd: dir }));
      const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
      const ran = await succeeding(
        run("sh", ["-c", command, node, inject("executable"), ...args, ...options], { cwd, env }),
      );
      expect(JSON.parse(ran.stdout), compression).toMatchObject({ digest });
    }
  });
});
