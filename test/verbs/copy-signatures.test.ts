/** `copy` takes signatures along: referrers, the fallback tag, and cosign's own tags. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";
import { digestWith } from "../support/registry/in-process/storage.ts";
import { type Ran, run } from "../support/run.ts";
import { ecKey, encryptedPem } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const key = ecKey();
const encrypted = encryptedPem(key, "secret");

function desk() {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  // Distribution 2 can refuse a manifest that is sent twice at the same time.
  writeFileSync(join(dir, "other"), "#!/bin/sh\nother\n");
  writeFileSync(join(dir, "cosign.key"), encrypted);
  writeFileSync(join(dir, "pub"), key.publicPem);
  const call = (...args: readonly string[]): Promise<Ran> => succeeding(oras(args, { cwd: dir }));
  const push = async (reference: string, ...args: readonly string[]): Promise<string> =>
    JSON.parse((await call("push", reference, ...(args.length === 0 ? ["tool"] : args), "--json")).stdout).digest;
  return { dir, call, push };
}

const platforms = ["--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=other"];

test.for(realRegistries)(
  "copy to and from %s: cosign verifies the copy, with signatures of both formats",
  async (name, context) => {
    const cosign = requireProgram(context, "cosign");
    const { dir, call, push } = desk();
    const host = await startRealRegistry(name, context);
    for (const [format, flags] of [
      ["new", []],
      ["old", ["--new-bundle-format=false"]],
    ] as const) {
      const digest = await push(`${host}/t/${format}:1`, ...platforms);
      const quiet = ["-y", "--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false"];
      const sign = ["sign", ...quiet, ...flags, "--recursive", `${host}/t/${format}@${digest}`];
      await succeeding(run(cosign, sign, { cwd: dir, env: { COSIGN_PASSWORD: "secret" } }));
      await call("copy", `${host}/t/${format}:1`, `oci:${format}`);
      await call("copy", `oci:${format}:1`, `${host}/copied/${format}:1`);
      const verify = ["verify", "--key", "pub", "--insecure-ignore-tlog=true", ...flags];
      await succeeding(run(cosign, [...verify, `${host}/copied/${format}:1`], { cwd: dir }));
      const index = JSON.parse((await call("info", `${host}/t/${format}:1`, "--json")).stdout);
      const [{ digest: child }] = index.platforms;
      await succeeding(run(cosign, [...verify, `${host}/copied/${format}@${child}`], { cwd: dir }));
      await call("copy", `${host}/t/${format}:1`, `${host}/bare/${format}:1`, "--no-referrers");
      const bare = await run(cosign, [...verify, `${host}/bare/${format}:1`], { cwd: dir });
      expect(bare.exitCode).not.toBe(0);
    }
  },
);

/** Writes a manifest of cosign's older format, with a layer for each signature. */
function writeSig(
  { storage }: InProcessRegistry,
  repository: string,
  tag: string,
  signatures: readonly string[],
): string {
  const { blobs, manifests, tags } = storage.open(repository);
  const stored = (text: string): { digest: string; size: number } => {
    const bytes = Buffer.from(text);
    const digest = digestWith("sha256", bytes);
    blobs.set(digest, bytes);
    return { digest, size: bytes.byteLength };
  };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const layer = { mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", ...stored("payload") };
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...stored("{}") },
    layers: signatures.map((one) => ({ ...layer, annotations: { "dev.cosignproject.cosign/signature": one } })),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = digestWith("sha256", bytes);
  manifests.set(digest, { mediaType, bytes });
  tags.set(tag, digest);
  return digest;
}

test("copy: a tag of cosign is replaced by one with more signatures, and stays where it has its own", async () => {
  const { call, push } = desk();
  const registry = await inProcessRegistry();
  const digest = await push(`${registry.host}/from/tool:1`);
  const tag = `${digest.replace(":", "-")}.sig`;
  const copied = async (): Promise<{ readonly tagged: string | undefined; readonly stderr: string }> => {
    const { stderr } = await call("copy", `${registry.host}/from/tool:1`, `${registry.host}/to/tool:1`);
    return { tagged: registry.storage.open("to/tool").tags.get(tag), stderr };
  };
  expect(await copied()).toMatchObject({ tagged: undefined });
  const one = writeSig(registry, "from/tool", tag, ["a"]);
  expect(await copied()).toEqual({ tagged: one, stderr: expect.not.stringContaining("warning") });
  const two = writeSig(registry, "from/tool", tag, ["a", "b"]);
  expect(await copied()).toMatchObject({ tagged: two });
  const own = writeSig(registry, "to/tool", tag, ["a", "c"]);
  const kept = await copied();
  expect(kept.tagged).toBe(own);
  expect(kept.stderr).toContain(`warning: ${registry.host}/to/tool:${tag} stays: it has signatures that`);
  const more = await call("copy", `${registry.host}/from/tool:1`, "oci:layout:1", "--json");
  expect(JSON.parse(more.stdout)).toMatchObject({ manifestsCopied: 2, blobsCopied: 3 });
  expect((await call("list", "oci:layout")).stdout.split("\n")).toContain(tag);
});

test("copy: tags of cosign that belong to a platform, and attestations and lists of parts, are taken along", async () => {
  const { call, push } = desk();
  const registry = await inProcessRegistry();
  await push(`${registry.host}/from/tool:1`, ...platforms);
  const { platforms: listed } = JSON.parse((await call("info", `${registry.host}/from/tool:1`, "--json")).stdout);
  const hex: string = listed[0].digest.slice("sha256:".length);
  const tags = ["sig", "att", "sbom"].map((suffix) => `sha256-${hex}.${suffix}`);
  for (const tag of tags) writeSig(registry, "from/tool", tag, [tag]);
  await call("copy", `${registry.host}/from/tool:1`, `${registry.host}/to/tool:1`);
  expect([...registry.storage.open("to/tool").tags.keys()].sort()).toEqual(["1", ...tags].sort());
});
