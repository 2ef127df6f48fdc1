/** A registry, and people who may push to it, in front of `verify --signature`: nothing passes by chance, and all ends. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestHex, digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { bundleKeys, signatureTypes } from "../../src/signature/media-types.ts";
import { signPredicateType } from "../../src/signature/statement.ts";
import { oras } from "../support/executable.ts";
import { defaultIssuer, defaultSubject, keyless } from "../support/keyless.ts";
import { keyBundle, signedRepository } from "../support/signed-repository.ts";

const tool = "Other people's signatures";

describe(tool, () => {
  test("signature: a good one counts beside bad ones, and each bad one says why", async () => {
    const { artifact, attach, manifest, referrers, blobs, verify } = await signedRepository();
    const other = digestOf("another artifact");
    attach(keyBundle(other));
    attach("{");
    attach(keyBundle(artifact.digest, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey));
    attach(`${keyBundle(artifact.digest)} `, {}, { subject: { ...artifact, digest: other } });
    const lost = keyBundle(artifact.digest);
    const missing = attach(lost);
    blobs.delete(digestOf(lost));
    referrers.push({
      ...manifest({ artifactType: signatureTypes.notation, subject: artifact }),
      artifactType: signatureTypes.notation,
    });
    const bad = await verify();
    expect([bad.exitCode, bad.code]).toEqual([65, "SIGNATURE_REFUSED"]);
    expect(bad.signatures.map(({ problem }) => problem)).toEqual([
      "other-digest",
      "malformed",
      "other-key",
      "other-digest",
      "missing",
      "unsupported",
    ]);
    expect(bad.signatures[4]?.manifest).toBe(missing.digest);
    attach(keyBundle(artifact.digest));
    const good = await verify();
    expect([good.exitCode, good.code, good.signatures.at(-1)?.counted]).toEqual([0, null, true]);
  });

  test("signature: a bundle of 50 MB is refused before it is read, and one that is longer than stated ends", async () => {
    const { artifact, attach, blobs, verify, asked } = await signedRepository();
    const text = keyBundle(artifact.digest);
    attach(text, { size: 50 * 1024 * 1024 });
    expect((await verify()).signatures).toMatchObject([{ problem: "too-large", counted: false }]);
    expect(asked("/blobs/")).toBe(0);
    const endless = `${text} `;
    attach(endless);
    blobs.set(digestOf(endless), (response) => {
      const piece = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on("drain", more);
      more();
    });
    expect((await verify()).signatures.map(({ problem }) => problem)).toEqual(["too-large", "malformed"]);
  });

  test("signature: the artifact as its own signature, one of itself, and a circle end without counting", async () => {
    const { artifact, manifest, referrers, verify, blob } = await signedRepository();
    const layer = blob(keyBundle(digestOf("x")), signatureTypes.bundle);
    const first = manifest({ artifactType: signatureTypes.bundle, layers: [layer], subject: artifact });
    const second = manifest({ artifactType: signatureTypes.bundle, layers: [layer], subject: first });
    for (const one of [artifact, first, second, first]) referrers.push({ ...one, artifactType: signatureTypes.bundle });
    const { exitCode, signatures } = await verify();
    expect(exitCode).toBe(65);
    expect(signatures.every(({ counted, problem }) => !counted && problem === "other-digest")).toBe(true);
  });

  test("signature: of a thousand, a hundred are read, the rest is named, and a stated signature comes first", async () => {
    const { artifact, attach, referrers, verify, asked } = await signedRepository();
    for (let count = 0; count < 1000; count += 1) attach(`{"x":${count}}`);
    const one = attach(keyBundle(artifact.digest));
    const crowded = await verify();
    expect([crowded.exitCode, crowded.signatures.length, crowded.unread]).toEqual([65, 100, 901]);
    expect(asked("/manifests/sha256:")).toBeLessThanOrEqual(101);
    // A manifest that is listed again and again counts as one.
    referrers.push(...Array(500).fill(referrers[0]));
    expect((await verify()).unread).toBe(901);
    referrers.splice(1000);
    referrers.push({
      ...one,
      artifactType: signatureTypes.bundle,
      annotations: { [bundleKeys.predicateType]: signPredicateType },
    });
    expect((await verify()).exitCode).toBe(0);
  });

  test("signature: a hundred referrers with a hundred layers of 1 MiB each keep no more than a few of them", async () => {
    const { artifact, attach, blob, verify, asked } = await signedRepository();
    const large = blob("x".repeat(1024 * 1024), signatureTypes.simpleSigning);
    const annotations = { "dev.cosignproject.cosign/signature": "AAAA" };
    const simple = Array(100).fill({ ...large, annotations });
    for (let count = 0; count < 50; count += 1)
      attach("{}", {}, { layers: simple, annotations: { count: `${count}` } });
    const bundles = Array(100).fill(blob(" ".repeat(1024 * 1024), signatureTypes.bundle));
    for (let count = 0; count < 49; count += 1)
      attach("{}", {}, { layers: bundles, annotations: { count: `${count}` } });
    attach(keyBundle(artifact.digest));
    const found = await verify();
    expect([found.exitCode, found.signatures.length, found.unread]).toEqual([0, 250, 50 * 96 + 49 * 99]);
    // The text of a simple signature is far shorter than a bundle.
    expect(asked(large.digest)).toBe(0);
  });

  test("signature: a tag of cosign that is damaged hides no referrer that counts", async () => {
    const { artifact, attach, documents, verify } = await signedRepository();
    attach(keyBundle(artifact.digest));
    documents.set(`sha256-${digestHex(artifact.digest)}.sig`, { type: mediaTypes.ociManifest, body: "{" });
    const found = await verify();
    expect([found.exitCode, found.signatures.length]).toEqual([0, 2]);
  });

  test("signature: cosign's tag with a thousand layers, with an index, and with text that is no manifest", async () => {
    const { artifact, manifest, blob, documents, tag, verify, call } = await signedRepository();
    const name = `sha256-${digestHex(artifact.digest)}.sig`;
    const layer = { ...blob("{}", signatureTypes.simpleSigning), annotations: {} };
    tag(name, manifest({ layers: Array(1000).fill(layer) }));
    const many = await verify();
    expect([many.exitCode, many.signatures.length, many.unread]).toEqual([65, 100, 900]);
    documents.set(name, { type: mediaTypes.ociIndex, body: '{"schemaVersion":2,"manifests":[]}' });
    expect((await verify()).code).toBe("SIGNATURE_MISSING");
    documents.set(name, { type: mediaTypes.ociManifest, body: "{" });
    expect((await call("--key", "cosign.pub")).exitCode).toBe(65);
  });

  test.each([
    ["500", 500, 69],
    ["401", 401, 77],
  ])(
    "signature: a list that the registry does not give (%s) is an error, and no missing signature",
    async (_, status, exitCode) => {
      const { answerListing, attach, artifact, call } = await signedRepository();
      attach(keyBundle(artifact.digest));
      answerListing((response) => response.writeHead(status).end());
      const ran = await call("--key", "cosign.pub", "--timeout", "60");
      expect([ran.exitCode, ran.stdout]).toEqual([exitCode, ""]);
    },
  );

  test("signature: a tag that moves meanwhile changes nothing, since it is asked once", async () => {
    const { artifact, attach, documents, manifest, tag, verify, asked, blobs } = await signedRepository();
    const text = keyBundle(artifact.digest);
    attach(text);
    const evil = manifest({ artifactType: "application/x-evil" });
    blobs.set(digestOf(text), (response) => {
      tag("1", evil);
      response.end(text);
    });
    const { exitCode, digest } = await verify();
    expect([exitCode, digest, asked("/manifests/1")]).toEqual([0, artifact.digest, 1]);
    // Now the tag means the other artifact, which nobody signed; the registry lists the old signature for it, too.
    expect(documents.get("1")?.body).toContain("x-evil");
    const after = await verify();
    expect([after.exitCode, after.digest]).toEqual([65, evil.digest]);
    expect(after.signatures).toMatchObject([{ problem: "other-digest" }]);
  });

  test("signature: words of a stranger are one line without commands", async () => {
    const { artifact, attach, call } = await signedRepository();
    const world = keyless();
    attach(world.sign(artifact.digest, { statement: { predicateType: "\u001b[31mx\n::add-path::/tmp\u202e" } }));
    for (const more of [[], ["--json"]]) {
      const { stdout } = await call("--key", "cosign.pub", ...more);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(stdout).not.toMatch(/[\u001b\u202e]|^::/m);
      expect(stdout).toMatch(/attestation.*SIGNATURE_MISSING|SIGNATURE_MISSING.*attestation/s);
    }
  });

  test("signature: a keyless one counts by identity and issuer, by pattern, and for nobody else", async () => {
    const { artifact, attach, dir, verify, call, reference } = await signedRepository();
    const world = keyless();
    writeFileSync(join(dir, "root.json"), world.root);
    writeFileSync(join(dir, "other.json"), keyless().root);
    attach(world.sign(artifact.digest));
    const root = ["--trust-root", "root.json"];
    const issuer = ["--issuer", defaultIssuer];
    const pattern = "https://forge.example/acme/*/.github/workflows/release.yml@refs/tags/*";
    for (const identity of [defaultSubject, pattern, "https://forge.example/**"]) {
      const good = await verify("--identity", identity, ...issuer, ...root);
      expect([good.exitCode, good.signatures[0]?.signer]).toEqual([
        0,
        { kind: "identity", subject: defaultSubject, issuer: defaultIssuer },
      ]);
      expect(good.signatures[0]?.time).toBe("2026-03-01T12:01:00.000Z");
    }
    for (const words of [
      ["--identity", "https://forge.example/*", ...issuer, ...root],
      ["--identity", "release.yml", ...issuer, ...root],
      ["--identity", defaultSubject, "--issuer", "https://issuer.example.evil", ...root],
      ["--identity", defaultSubject, ...issuer, "--trust-root", "other.json"],
      ["--key", "cosign.pub", ...root],
      root,
    ]) {
      expect((await verify(...words)).exitCode, words.join(" ")).toBe(65);
    }
    // Neither a clock of 1996 nor one of 2076 changes anything: the times of witnesses count.
    for (const years of [-30, 50]) {
      const shift = years * 365 * 24 * 3_600_000;
      const text = `const D = Date; globalThis.Date = class extends D {
        constructor(...all) { all.length === 0 ? super(D.now() + ${shift}) : super(...all); }
        static now() { return D.now() + ${shift}; }
      };`;
      writeFileSync(join(dir, "clock.cjs"), text);
      const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), NODE_OPTIONS: `--require ${join(dir, "clock.cjs")}` };
      const words = ["--identity", defaultSubject, ...issuer, ...root, "--json"];
      const ran = await oras(["verify", "--signature", reference, ...words], { cwd: dir, env });
      expect([ran.exitCode, JSON.parse(ran.stdout).signatures[0].time]).toEqual([0, "2026-03-01T12:01:00.000Z"]);
    }
    const shown = await call("--identity", defaultSubject, ...issuer, ...root);
    expect(shown.stdout).toContain(`${defaultSubject} (${defaultIssuer})`);
  });
});
