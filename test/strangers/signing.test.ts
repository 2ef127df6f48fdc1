/** Others around a signature: a registry, whoever may push to the repository, and the author of a checkout. */
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDigest } from "../../src/model/digest.ts";
import { readSigningKey } from "../../src/signature/signing-key.ts";
import { writeBundle } from "../../src/signature/write-bundle.ts";
import { testContext } from "../support/context.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makePipe } from "../support/pipe.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";
import { digestWith } from "../support/registry/in-process/storage.ts";
import type { Ran } from "../support/run.ts";
import { ecKey } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const key = ecKey();
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

function desk() {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "key"), key.plain, { mode: 0o600 });
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  writeFileSync(join(dir, "other"), "#!/bin/sh\nother\n");
  const call = (...args: readonly string[]): Promise<Ran> =>
    oras(args, { cwd: dir, isDetached: true, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const push = async (reference: string, file = "tool"): Promise<string> =>
    JSON.parse((await succeeding(call("push", reference, file, "--title", "tool", "--json"))).stdout).digest;
  return { dir, call, push };
}

test("sign: a tag that a registry moves between two looks is looked at once, and the signed digest is named", async () => {
  const { call, push } = desk();
  let looks = 0;
  const digests: string[] = [];
  const moving: Fault = (request, next) => {
    const isLook = ["GET", "HEAD"].includes(request.method) && request.url.pathname.endsWith("/manifests/1");
    if (isLook && digests.length === 2) {
      registry.storage.open("t/tool").tags.set("1", digests[looks % 2] ?? "");
      looks += 1;
    }
    return next();
  };
  const registry: InProcessRegistry = await inProcessRegistry(moving);
  digests.push(await push(`${registry.host}/t/tool:1`), await push(`${registry.host}/t/tool:1`, "other"));
  const ran = await succeeding(call("sign", `${registry.host}/t/tool:1`, "--key", "key", "--json"));
  const { digest, signature } = JSON.parse(ran.stdout);
  expect(looks).toBe(1);
  expect(digest).toBe(digests[0]);
  const { manifests, blobs } = registry.storage.open("t/tool");
  const manifest = JSON.parse(String(manifests.get(signature.digest)?.bytes));
  expect(manifest.subject.digest).toBe(digests[0]);
  const { payload } = JSON.parse(String(blobs.get(manifest.layers[0].digest))).dsseEnvelope;
  expect(`sha256:${JSON.parse(Buffer.from(payload, "base64").toString()).subject[0].digest.sha256}`).toBe(digests[0]);
});

interface Forgery {
  readonly bundle: string;
  readonly subject?: string;
  readonly artifactType?: string;
  readonly size?: number;
  /** Leaves the blob out. */
  readonly isMissing?: boolean;
}

/** Adds a referrer, as anybody who may push can. */
function forge({ storage }: InProcessRegistry, digest: string, forgery: Forgery): string {
  const { blobs, manifests } = storage.open("t/tool");
  const bytes = Buffer.from(forgery.bundle);
  const blob = digestWith("sha256", bytes);
  if (forgery.isMissing !== true) blobs.set(blob, bytes);
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: forgery.artifactType ?? bundleType,
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: blob, size: 2 },
    layers: [{ mediaType: bundleType, digest: blob, size: forgery.size ?? bytes.byteLength }],
    subject: { mediaType: manifestType, digest: forgery.subject ?? digest, size: 1 },
  };
  const text = Buffer.from(JSON.stringify(manifest));
  const own = digestWith("sha256", text);
  manifests.set(own, { mediaType: manifestType, bytes: text });
  return own;
}

test("sign: nobody's referrer stands in the place of the key's own signature", async () => {
  const { call, push } = desk();
  const registry = await inProcessRegistry();
  const repository = `${registry.host}/t/tool`;
  const digest = await push(`${repository}:1`);
  const context = testContext({ env: { KEY: key.plain } });
  const own = await readSigningKey("env://KEY", context, async () => "");
  const other = await readSigningKey("env://KEY", testContext({ env: { KEY: ecKey().plain } }), async () => "");
  const about = (text: string): string => Buffer.from(writeBundle(parseDigest(text), own)).toString();
  const byOther = Buffer.from(writeBundle(parseDigest(digest), other)).toString();
  const forgeries: readonly Forgery[] = [
    { bundle: about(`sha256:${"1".repeat(64)}`) },
    { bundle: byOther },
    { bundle: byOther.replace(other.hint, own.hint) },
    { bundle: about(digest).replace(/"sig":"..../, '"sig":"AAAA') },
    { bundle: about(digest).replace(/"signatures":\[.*\]/, '"signatures":[]') },
    { bundle: about(digest), size: 50 * 1024 * 1024 },
    { bundle: about(digest), size: 1 },
    { bundle: `${about(digest)} `, isMissing: true },
    { bundle: `${about(digest)}\n`, artifactType: "text/plain" },
    { bundle: "[".repeat(60_000) },
    { bundle: "not JSON" },
    { bundle: "" },
  ];
  for (const forgery of forgeries) forge(registry, digest, forgery);
  for (let index = 0; index < 150; index += 1) forge(registry, digest, { bundle: `{"n":${index}}` });
  const before = registry.seen.length;
  const ran = await succeeding(call("sign", `${repository}@${digest}`, "--key", "key", "--json"));
  expect(JSON.parse(ran.stdout).signature.added).toBe(true);
  // A hundred are compared, with two requests each.
  expect(registry.seen.length - before).toBeLessThan(230);
});

test("sign: a list that names a signature of another manifest, or a manifest as its own signature, changes nothing", async () => {
  const { call, push } = desk();
  const registry = await inProcessRegistry((request, next) =>
    request.url.pathname.includes("/referrers/") ? { ...next(), status: 404 } : next(),
  );
  const repository = `${registry.host}/t/tool`;
  const digest = await push(`${repository}:1`);
  const context = testContext({ env: { KEY: key.plain } });
  const own = await readSigningKey("env://KEY", context, async () => "");
  const bundle = Buffer.from(writeBundle(parseDigest(digest), own)).toString();
  const elsewhere = forge(registry, digest, { bundle, subject: `sha256:${"2".repeat(64)}` });
  const { manifests, tags } = registry.storage.open("t/tool");
  const list = [digest, elsewhere, `sha256:${"3".repeat(64)}`].map((one) => ({
    mediaType: manifestType,
    digest: one,
    size: 1,
    artifactType: bundleType,
  }));
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: list }));
  manifests.set(digestWith("sha256", bytes), { mediaType, bytes });
  tags.set(digest.replace(":", "-"), digestWith("sha256", bytes));
  const ran = await succeeding(call("sign", `${repository}@${digest}`, "--key", "key", "--json"));
  expect(JSON.parse(ran.stdout).signature.added).toBe(true);
});

test("sign: a pipe or a device of a checkout in the place of the key is refused at once", async () => {
  const { dir, call, push } = desk();
  const digest = await push("oci:layout:1");
  makePipe(join(dir, "pipe.key"));
  symlinkSync("/dev/zero", join(dir, "device.key"));
  symlinkSync("pipe.key", join(dir, "link.key"));
  for (const [name, kind] of [
    ["pipe.key", "a named pipe"],
    ["link.key", "a named pipe"],
    ["device.key", "a device"],
    [".", "a folder"],
  ] as const) {
    const ran = await call("sign", `oci:layout@${digest}`, "--key", name);
    expect(ran.stderr).toContain(`${name} is ${kind}, where a file is expected`);
    expect(ran.exitCode).toBe(74);
  }
});

test("sign: a registry that only a project names gets no signature", async () => {
  const { dir, call, push } = desk();
  const registry = await inProcessRegistry();
  const digest = await push(`${registry.host}/t/tool:1`);
  const names = { defaultRegistry: registry.host, registries: { acme: { prefix: `${registry.host}/t` } } };
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify(names));
  const before = registry.seen.length;
  for (const reference of [`t/tool@${digest}`, `acme/tool@${digest}`]) {
    const ran = await call("sign", reference, "--key", "key");
    expect(ran.stderr).toContain("REGISTRY_NOT_NAMED");
  }
  expect(registry.seen.length).toBe(before);
});
