/** What sources say of imported files: anybody may have written it. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isExcluded } from "../../src/importers/go-checksums.ts";
import { npmBundles } from "../../src/importers/npm-vouchers.ts";
import { listedIn, pypiBundles } from "../../src/importers/pypi-vouchers.ts";
import { nothingSaid } from "../../src/importers/vouchers.ts";
import { parseTrustRoot } from "../../src/signature/trust-root.ts";
import { judgeSource } from "../../src/vouching/judge.ts";
import { parseRegistryKeys } from "../../src/vouching/registry-keys.ts";
import { documents } from "../support/hostile-json.ts";
import { atLeast, expectClean, holds, isQuick, mutated, seed } from "../support/property.ts";

function real(path: string): string {
  return readFileSync(join(import.meta.dirname, "..", path), "utf8");
}

const served = JSON.parse(real("vouching/real/pypi-attestations-0.0.19.json"));
const bundle = JSON.parse(real("signature/real/npm-sigstore-2.0.0.json"));
const root = parseTrustRoot(real("signature/real/public-root.json"), "root.json");

test("attestations: whatever an index or a registry answers, bundles or a clear error", () => {
  const of = (parse: (bytes: Uint8Array, name: string) => readonly Uint8Array[]) => (text: string) => {
    for (const one of parse(Buffer.from(text), "x"))
      expect(() => JSON.parse(Buffer.from(one).toString())).not.toThrow();
    return true;
  };
  holds("PyPI's attestations", documents([served]), of(pypiBundles));
  holds("npm's attestations", documents([{ attestations: [{ predicateType: "x", bundle: {} }] }]), of(npmBundles));
});

test("provenance: a changed attestation is proven of the same file and signer, or a clear error", () => {
  const digest =
    "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c";
  const file = { names: ["pkg:npm/sigstore@2.0.0"], sha256: "0".repeat(64), sha512: digest };
  const judged = (text: string, trustRoot: typeof root | undefined) =>
    judgeSource({ ...nothingSaid, file, attestations: [Buffer.from(text)] }, { trustRoot, keys: [], nowMs: 0 });
  holds("attestation", documents([bundle]), (text) => judged(text, undefined).level === "none");
  // Verification takes milliseconds.
  const proven = (text: string): void => {
    try {
      const { level, build } = judged(text, root);
      if (level === "provenance") expect(build?.subject).toMatch(/^https:\/\/github\.com\/sigstore\/sigstore-js\//);
      else expect(level).toBe("none");
    } catch (error) {
      expectClean(error);
    }
  };
  fc.assert(fc.property(documents([bundle]), proven), { numRuns: atLeast(500), seed });
});

const page = new URL("https://index.example/simple/x/");
const wanted = { filename: "x-1.whl", sha256: "ab".repeat(32) };
const html = `<!doctype html><a href="/x-1.whl#sha256=${wanted.sha256}" data-provenance="https://index.example/p">x-1.whl</a>`;

test("pages of an index: what is found has the wanted name and checksum", () => {
  const found = (text: string): boolean => {
    const listed = listedIn(Buffer.from(text), page, wanted);
    if (listed !== undefined) expect(listed).toMatchObject(wanted);
    return listed !== undefined;
  };
  const file = { filename: wanted.filename, hashes: { sha256: wanted.sha256 }, provenance: "https://index.example/p" };
  holds("JSON page", documents([{ meta: {}, files: [{}, file] }]), found);
  holds("HTML page", mutated(fc.constant(html), ["<", ">", "#", '"', "a ", "sha256=", "&amp;", "\n", "</a>"]), found);
  const quick = (text: string): unknown => listedIn(Buffer.from(text), page, wanted);
  for (const piece of ["<a ", "<a x>", '<a href="#', "<a href=", "#&", html, '<a href="#&#&">x-1.whl</a>', "<a >   "])
    isQuick(quick, piece.repeat(1_000_000 / piece.length));
});

test("keys of a registry: all of them, or a clear error", () => {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" });
  const one = { keyid: "SHA256:a", keytype: "ecdsa-sha2-nistp256", key: key.toString("base64"), expires: "2025-01-29" };
  holds("registry keys", documents([{ keys: [one, { ...one, expires: null }] }]), (text) => {
    const keys = parseRegistryKeys(text, "keys.json");
    return keys.length === 2 || keys.length === 1;
  });
});

test("patterns of Go: any text answers, and time does not grow with the square", () => {
  const patterns = mutated(fc.constant("example.com/a,*.corp,x[a-b]?"), [
    "[",
    "]",
    "*",
    "?",
    ",",
    "/",
    "\\",
    "^",
    "(",
    "+",
  ]);
  let excluded = 0;
  fc.assert(
    fc.property(patterns, (text) => {
      if (isExcluded("example.com/a/b", text)) excluded += 1;
    }),
    { numRuns: atLeast(25_000), seed },
  );
  expect(excluded).toBeGreaterThan(1000);
  isQuick((text) => isExcluded("a".repeat(200), text), "*a".repeat(20));
});
