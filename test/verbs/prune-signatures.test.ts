/** `prune` and signatures: those of artifacts that stay are kept, and those of artifacts that go are removed. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";
import { pruneSchema } from "../../src/cli/schemas/published.ts";
import { digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { registryClient } from "../support/registry/client.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { type Ran, run } from "../support/run.ts";
import { ecKey, encryptedPem } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const key = ecKey();
const encrypted = encryptedPem(key, "secret");
const signal = new AbortController().signal;

function desk() {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "key"), key.plain, { mode: 0o600 });
  writeFileSync(join(dir, "cosign.key"), encrypted);
  writeFileSync(join(dir, "pub"), key.publicPem);
  writeFileSync(join(dir, "note"), "a note");
  const call = (...args: readonly string[]): Promise<Ran> => succeeding(oras(args, { cwd: dir }));
  const push = async (reference: string, ...args: readonly string[]): Promise<string> => {
    writeFileSync(join(dir, "tool"), reference);
    return JSON.parse((await call("push", reference, "tool", ...args, "--json")).stdout).digest;
  };
  const prune = async (...args: readonly string[]): Promise<v.InferOutput<typeof pruneSchema>> =>
    v.parse(pruneSchema, JSON.parse((await call("prune", ...args, "--json")).stdout));
  return { dir, call, push, prune };
}

type Fates = Readonly<Record<string, string>>;

function fatesOf({ tags }: v.InferOutput<typeof pruneSchema>): Fates {
  return Object.fromEntries(tags.map(({ tag, fate }) => [tag, fate]));
}

test.for(realRegistries)(
  "prune on %s: signatures of both formats stay and go with their artifact",
  async (name, context) => {
    const cosign = requireProgram(context, "cosign");
    const { dir, call, push, prune } = desk();
    const host = await startRealRegistry(name, context);
    const repository = `${host}/t/tool`;
    const digests: Record<string, string> = {};
    for (const version of ["1", "2"]) {
      digests[version] = await push(`${repository}:${version}`, "--sign-key", "key");
      await call("attach", `${repository}:${version}`, "note", "--artifact-type", "text/plain");
      const flags = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"];
      const sign = ["sign", "-y", "--key", "cosign.key", ...flags, `${repository}@${digests[version]}`];
      await succeeding(run(cosign, sign, { cwd: dir, env: { COSIGN_PASSWORD: "secret" } }));
    }
    const { registry } = registryClient(host);
    const hexOf = (version: string): string => digests[version]?.slice("sha256:".length) ?? "";
    const planned = await prune(repository, "--keep-last", "1");
    expect(fatesOf(planned)).toEqual({ 1: "would be removed", 2: "kept" });
    expect(planned.attached.map(({ subject }) => subject)).toContain(digests["1"]);
    expect(planned.attached.every(({ fate, subject }) => fate === "would be removed" && subject !== digests["2"])).toBe(
      true,
    );
    const done = await prune(repository, "--keep-last", "1", "--delete");
    expect(done.attached).toHaveLength(planned.attached.length);
    expect(done.attached.every(({ fate }) => fate === "removed")).toBe(true);
    const tags = await registry.listTags(signal);
    expect(tags.filter((tag) => tag.includes(hexOf("1")))).toEqual([]);
    for (const { digest } of done.attached) {
      expect((await oras(["info", `${repository}@${digest}`], { cwd: dir })).exitCode).toBe(66);
    }
    for (const flags of [[], ["--new-bundle-format=false"]]) {
      const verify = ["verify", "--key", "pub", "--insecure-ignore-tlog=true", ...flags, `${repository}:2`];
      await succeeding(run(cosign, verify, { cwd: dir }));
    }
  },
);

/** A manifest with a tag of its own that refers to another one. */
async function pushTagged(host: string, tag: string, subject: string | undefined, text = tag): Promise<string> {
  const { registry } = registryClient(host);
  const [config, layer] = ["{}", text].map((one) => Buffer.from(one));
  const descriptors = [];
  for (const bytes of [config, layer]) {
    if (bytes === undefined) continue;
    const blob = { digest: digestOf(bytes), size: bytes.byteLength };
    await registry.pushBlob(
      blob,
      async function* () {
        yield bytes;
      },
      signal,
    );
    descriptors.push({ mediaType: mediaTypes.empty, ...blob });
  }
  const [first, second] = descriptors;
  const mediaType = mediaTypes.ociManifest;
  const refers = subject === undefined ? undefined : { mediaType, digest: subject, size: 1 };
  const manifest = { schemaVersion: 2, mediaType, config: first, layers: [second], subject: refers };
  return await registry.pushManifest(Buffer.from(JSON.stringify(manifest)), mediaType, tag, signal);
}

test("prune: a tagged referrer is no version, stays with its subject, and goes with its subject", async () => {
  const { push, prune } = desk();
  const { host } = await inProcessRegistry();
  for (const version of ["1.0", "2.0", "3.0"]) {
    const digest = await push(`${host}/t/tool:${version}`);
    const sbom = await pushTagged(host, `${version}-sbom`, digest);
    await pushTagged(host, `${version}-sbom-signature`, sbom);
  }
  const would = "would be removed";
  const pruned = await prune(`${host}/t/tool`, "--keep-last", "2");
  expect(fatesOf(pruned)).toEqual({
    ...{ "1.0": would, "1.0-sbom": would, "1.0-sbom-signature": would },
    ...{ "2.0": "kept", "2.0-sbom": "kept", "2.0-sbom-signature": "kept" },
    ...{ "3.0": "kept", "3.0-sbom": "kept", "3.0-sbom-signature": "kept" },
  });
  expect(pruned.tags.find(({ tag }) => tag === "2.0-sbom-signature")?.why).toBe("refers to an artifact that stays");
});

test("prune: a list of referrers that names other manifests removes none of them", async () => {
  const { push, prune } = desk();
  const registry = await inProcessRegistry();
  const { host, storage } = registry;
  const one = await push(`${host}/t/tool:1`);
  const two = await push(`${host}/t/tool:2`);
  const unrelated = await pushTagged(host, "unrelated", undefined);
  const { manifests, tags } = storage.open("t/tool");
  tags.delete("unrelated");
  const list = [two, unrelated, one].map((digest) => ({
    mediaType: mediaTypes.ociManifest,
    digest,
    size: manifests.get(digest)?.bytes.byteLength,
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: list }));
  manifests.set(digestOf(bytes), { mediaType: mediaTypes.ociIndex, bytes });
  tags.set(one.replace(":", "-"), digestOf(bytes));
  tags.set(`${one.replace(":", "-")}.sig`, two);
  const pruned = await prune(`${host}/t/tool`, "--keep-last", "1", "--delete");
  expect(fatesOf(pruned)).toEqual({ 1: "removed", 2: "kept" });
  expect(pruned.attached).toEqual([
    { subject: one, digest: digestOf(bytes), tag: one.replace(":", "-"), fate: "removed" },
  ]);
  expect([...manifests.keys()].sort()).toEqual([two, unrelated].sort());
});

test("prune: in a layout folder, signatures stay and go with their artifact", async () => {
  const { call, push, prune } = desk();
  for (const version of ["1", "2"]) await push(`oci:layout:${version}`, "--sign-key", "key");
  const pruned = await prune("oci:layout", "--keep-last", "1", "--delete");
  expect(fatesOf(pruned)).toEqual({ 1: "removed", 2: "kept" });
  expect(pruned.attached).toHaveLength(1);
  const again = JSON.parse((await call("sign", "oci:layout:2", "--key", "key", "--json")).stdout);
  expect(again.signature.added).toBe(false);
});

test("prune: says how many manifests of signatures go", async () => {
  const { call, push } = desk();
  for (const version of ["1", "2"]) await push(`oci:layout:${version}`, "--sign-key", "key");
  const planned = await call("prune", "oci:layout", "--keep-last", "1");
  expect(planned.stderr).toContain("1 manifest of signatures and documents of these artifacts would be removed, too");
  const done = await call("prune", "oci:layout", "--keep-last", "1", "--delete");
  expect(done.stderr).toContain("Removed 1 manifest of signatures and documents of these artifacts");
});
