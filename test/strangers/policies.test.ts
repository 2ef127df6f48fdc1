/** People who may push, the registry, and the author of a checkout, in front of a policy: nothing comes into the lock by chance. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { digestHex, digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { signatureTypes } from "../../src/signature/media-types.ts";
import { defaultIssuer, defaultSubject, keyless } from "../support/keyless.ts";
import { keyBundle, signedRepository } from "../support/signed-repository.ts";

type Repository = Awaited<ReturnType<typeof signedRepository>>;

const key = { key: "cosign.pub" };

function otherKey() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** Signatures that count for nobody. */
const rows: readonly (readonly [what: string, make: (repository: Repository) => void, code: string, why: RegExp])[] = [
  [
    "another digest",
    ({ attach }) => void attach(keyBundle(digestOf("x"))),
    "SIGNATURE_REFUSED",
    /signs another digest/,
  ],
  [
    "another key",
    ({ attach, artifact }) => void attach(keyBundle(artifact.digest, otherKey())),
    "SIGNATURE_REFUSED",
    /signed with another key/,
  ],
  ["no JSON", ({ attach }) => void attach("{"), "SIGNATURE_REFUSED", /cannot be read/],
  [
    "a referrer of another manifest",
    ({ attach, artifact }) =>
      void attach(keyBundle(artifact.digest), {}, { subject: { ...artifact, digest: digestOf("x") } }),
    "SIGNATURE_REFUSED",
    /refers to another manifest/,
  ],
  [
    "lost bytes",
    ({ attach, artifact, blobs }) => {
      attach(keyBundle(artifact.digest));
      for (const [digest, text] of blobs) if (String(text).includes("dsseEnvelope")) blobs.delete(digest);
    },
    "SIGNATURE_REFUSED",
    /its bytes are not in the repository/,
  ],
  [
    "50 MB",
    ({ attach, artifact }) => void attach(keyBundle(artifact.digest), { size: 50 * 1024 * 1024 }),
    "SIGNATURE_REFUSED",
    /has 52428800 bytes; at most 1024 KiB are read/,
  ],
  [
    "a thousand",
    ({ attach, artifact }) => {
      for (let count = 0; count < 1000; count += 1) attach(`{"x":${count}}`);
      attach(keyBundle(artifact.digest));
    },
    "SIGNATURE_REFUSED",
    /901 beyond the limit/,
  ],
  [
    "a hundred attestations in front of it",
    ({ attach, artifact }) => {
      const world = keyless();
      const statement = { predicateType: "https://slsa.dev/provenance/v1" };
      for (let count = 0; count < 100; count += 1) attach(world.sign(artifact.digest, { statement }));
      attach(keyBundle(artifact.digest));
    },
    "SIGNATURE_REFUSED",
    /none of its signatures counts \(1 beyond the limit\)/,
  ],
  [
    "the artifact as its own signature",
    ({ artifact, referrers }) => void referrers.push({ ...artifact, artifactType: signatureTypes.bundle }),
    "SIGNATURE_MISSING",
    /no signature found/,
  ],
  [
    "a signature of itself",
    ({ artifact, referrers, manifest, blob }) => {
      const layer = blob(keyBundle(digestOf("x")), signatureTypes.bundle);
      const one = manifest({ artifactType: signatureTypes.bundle, layers: [layer], subject: artifact });
      referrers.push(one, { ...one, artifactType: signatureTypes.bundle });
    },
    "SIGNATURE_REFUSED",
    /signs another digest/,
  ],
  [
    "Notation's",
    ({ artifact, referrers, manifest }) =>
      void referrers.push({
        ...manifest({ artifactType: signatureTypes.notation, subject: artifact }),
        artifactType: signatureTypes.notation,
      }),
    "SIGNATURE_REFUSED",
    /Notation's signatures are not checked/,
  ],
  [
    "a damaged tag of cosign",
    ({ artifact, documents }) =>
      void documents.set(`sha256-${digestHex(artifact.digest)}.sig`, { type: mediaTypes.ociManifest, body: "{" }),
    "SIGNATURE_REFUSED",
    /none of its signatures counts/,
  ],
];

describe("signatures that count for nobody", () => {
  test.each(rows)("policy: %s is exit 65, and writes no lock", async (_what, make, code, why) => {
    const repository = await signedRepository();
    const { policies, host, inProject, reference, lock, verify } = repository;
    policies([{ prefix: host, signers: [key] }]);
    make(repository);
    const ran = await inProject(["lock", "add", "tool", reference]);
    expect([ran.exitCode, ran.stderr]).toEqual([65, expect.stringContaining(`error[${code}]: tool: `)]);
    expect(ran.stderr).toMatch(why);
    expect(ran.stderr.split("\n").filter((line) => line.startsWith("error["))).toHaveLength(1);
    expect(existsSync(lock)).toBe(false);
    // `verify` says the same of the same signatures.
    expect((await verify()).code).toBe(code);
  });

  test.each([
    ["a certificate that had expired", { loggedAt: new Date("2026-03-01T13:00:00Z") }],
    ["no entry in the log", { withoutEntry: true }],
    ["a log entry of somebody else", { otherLogged: true }],
    ["another issuer", { issuer: "https://issuer.example.evil" }],
    ["a certificate for servers", { purpose: "1.3.6.1.5.5.7.3.1" }],
    ["an attestation", { statement: { predicateType: "https://slsa.dev/provenance/v1" } }],
  ])("policy: a keyless one with %s is exit 65", async (_what, wish) => {
    const { policies, host, inProject, reference, lock, dir, attach, artifact } = await signedRepository();
    const world = keyless();
    writeFileSync(join(dir, "root.json"), world.root);
    const identity = { identity: defaultSubject, issuer: defaultIssuer };
    policies([{ prefix: host, signers: [identity], trustRoot: "root.json" }]);
    attach(world.sign(artifact.digest, wish));
    const ran = await inProject(["lock", "add", "tool", reference]);
    expect([ran.exitCode, existsSync(lock)], ran.stderr).toEqual([65, false]);
    attach(world.sign(artifact.digest));
    expect((await inProject(["lock", "add", "tool", reference])).exitCode).toBe(0);
  });

  test.each(["tlogs", "ctlogs", "certificateAuthorities"] as const)(
    "policy: a trust root that is too old (%s had ended) lets nothing in",
    async (part) => {
      const { policies, host, inProject, reference, lock, dir, attach, artifact } = await signedRepository();
      const world = keyless();
      const root = JSON.parse(world.root);
      const [one] = root[part];
      (one.publicKey ?? one).validFor.end = "2025-06-01T00:00:00Z";
      writeFileSync(join(dir, "root.json"), JSON.stringify(root));
      const identity = { identity: defaultSubject, issuer: defaultIssuer };
      policies([{ prefix: host, signers: [identity], trustRoot: "root.json" }]);
      attach(world.sign(artifact.digest));
      const ran = await inProject(["lock", "add", "tool", reference]);
      expect([ran.exitCode, ran.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_REFUSED")]);
      expect(existsSync(lock)).toBe(false);
    },
  );

  test.each([
    ["500", 500, 69],
    ["401", 401, 77],
  ])("policy: a list that the registry does not give (%s) is no missing policy", async (_, status, exitCode) => {
    const { policies, host, inProject, reference, lock, answerListing } = await signedRepository();
    // Not even `warn` lets it pass: nobody knows whether the signature is there.
    policies([{ prefix: host, action: "warn", signers: [key] }]);
    answerListing((response) => response.writeHead(status).end());
    const ran = await inProject(["lock", "add", "tool", reference, "--timeout", "60"]);
    expect([ran.exitCode, existsSync(lock)]).toEqual([exitCode, false]);
  });
});

test("policy: a tag that moves between two looks gives the signed version, and never the other one", async () => {
  const { policies, host, inProject, reference, artifact, attach, blobs, manifest, tag, lock } =
    await signedRepository();
  policies([{ prefix: host, signers: [key] }]);
  const text = keyBundle(artifact.digest);
  attach(text);
  const evil = manifest({ artifactType: "application/x-evil" });
  blobs.set(digestOf(text), (response) => {
    tag("1", evil);
    response.end(text);
  });
  expect((await inProject(["lock", "add", "tool", reference])).exitCode).toBe(0);
  const locked = () => parseLock(readFileSync(lock, "utf8"), "lock").tools.tool;
  expect([locked()?.digest, locked()?.platforms.any?.manifest]).toEqual([artifact.digest, artifact.digest]);
  const updated = await inProject(["lock", "update"]);
  expect([updated.exitCode, locked()?.digest]).toEqual([65, artifact.digest]);
});

test("policy: the clock of the machine plays no part", async () => {
  const { policies, host, inProject, reference, artifact, attach, dir } = await signedRepository();
  const world = keyless();
  writeFileSync(join(dir, "root.json"), world.root);
  const identity = { identity: defaultSubject, issuer: defaultIssuer };
  policies([{ prefix: host, signers: [identity], trustRoot: "root.json" }]);
  attach(world.sign(artifact.digest));
  for (const years of [-30, 50]) {
    const shift = years * 365 * 24 * 3_600_000;
    const text = `const D = Date; globalThis.Date = class extends D {
      constructor(...all) { all.length === 0 ? super(D.now() + ${shift}) : super(...all); }
      static now() { return D.now() + ${shift}; }
    };`;
    writeFileSync(join(dir, "clock.cjs"), text);
    const env = { NODE_OPTIONS: `--require ${join(dir, "clock.cjs")}` };
    const ran = await inProject(["lock", "add", "tool", reference], env);
    expect(ran.exitCode, ran.stderr).toBe(0);
  }
});

describe("the author of a checkout", () => {
  const refused = async (change: (repository: Repository) => void) => {
    const repository = await signedRepository();
    const { policies, prefix, dir } = { ...repository, prefix: `${repository.host}/t` };
    policies([{ prefix, signers: [{ key: join(dir, "cosign.pub") }] }], "user");
    change(repository);
    return await repository.inProject(["lock", "add", "tool", repository.reference]);
  };

  test.each<[string, (repository: Repository) => void, RegExp]>([
    [
      "the same prefix with `warn` and a key of the author",
      ({ policies, host }) => policies([{ prefix: `${host}/t`, action: "warn", signers: [{ key: "evil.pub" }] }]),
      /cannot be applied/,
    ],
    ["no policies", ({ policies }) => policies([]), /SIGNATURE_MISSING/],
    [
      "a configuration that is a link to a device",
      ({ dir }) => symlinkSync("/dev/zero", join(dir, "buck2-oras.json")),
      /CONFIG_INVALID/,
    ],
    [
      "a key that is a link to a device",
      ({ dir, policies, host }) => {
        symlinkSync("/dev/zero", join(dir, "zero.pub"));
        policies([{ prefix: host, signers: [{ key: "zero.pub" }] }]);
      },
      /cannot be applied/,
    ],
    [
      "a name that says to be the registry",
      ({ dir, host }) => {
        const registries = { mine: { prefix: `${host}/t`, mirrors: ["mirror.example"] } };
        writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries }));
      },
      /SIGNATURE_MISSING/,
    ],
  ])("policy: %s takes nothing from the user's", async (_what, change, message) => {
    const ran = await refused(change);
    expect([65, 78]).toContain(ran.exitCode);
    expect(ran.stderr).toMatch(message);
  });

  test("policy: a record that the author wrote counts offline, and not online", async () => {
    const { policies, host, inProject, reference, lock, dir, attach, artifact, referrers } = await signedRepository();
    policies([{ prefix: host, signers: [{ key: join(dir, "cosign.pub") }] }], "user");
    attach(keyBundle(artifact.digest));
    expect((await inProject(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const signed = readFileSync(lock, "utf8");
    // The registry shows no signature: the lock's word stands alone.
    referrers.length = 0;
    const check = async (...more: string[]) => (await inProject(["lock", "check", "--policy", ...more])).exitCode;
    expect([await check(), await check("--online")]).toEqual([0, 65]);
    // A record of another digest serves nobody.
    writeFileSync(lock, signed.replace(/("signatures": \[\s*\{\s*"digest": )"[^"]*"/, `$1"${digestOf("x")}"`));
    expect(await check()).toBe(65);
  });

  test.each([
    ["a digest that is none", { digest: "sha256:0", key: `sha256:${"0".repeat(64)}` }],
    ["neither key nor identity", { digest: `sha256:${"0".repeat(64)}` }],
    ["an identity without issuer", { digest: `sha256:${"0".repeat(64)}`, identity: "a@b.example" }],
    ["commands for a terminal", { digest: `sha256:${"0".repeat(64)}`, identity: "\u001b[31m@x", issuer: "y" }],
    ["a time that is none", { digest: `sha256:${"0".repeat(64)}`, key: `sha256:${"0".repeat(64)}`, time: "soon" }],
  ])("policy: a record with %s makes no valid lock", async (_what, record) => {
    const { inProject, reference, lock } = await signedRepository();
    expect((await inProject(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const json = JSON.parse(readFileSync(lock, "utf8"));
    json.tools.tool.signatures = [record];
    writeFileSync(lock, JSON.stringify(json));
    const ran = await inProject(["lock", "check", "--policy"]);
    expect([ran.exitCode, ran.stderr]).toEqual([78, expect.stringContaining("error[LOCK_INVALID]")]);
  });
});
