/** References, digests and names in archives: text that becomes a URL or a path. */
import { join, resolve, sep } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEntryPath } from "../../src/archive/entry-path.ts";
import { defaultLimits } from "../../src/archive/limits.ts";
import { Refusal } from "../../src/archive/refusal.ts";
import { parseByteSize } from "../../src/model/byte-size.ts";
import { isDigest, parseDigest } from "../../src/model/digest.ts";
import { formatReference, parseReference } from "../../src/model/reference.ts";
import { parseRegistry } from "../../src/model/registry-host.ts";
import { parseRepositoryPrefix } from "../../src/model/repository-prefix.ts";
import { holds, isQuick, mutated } from "../support/property.ts";

const hex = "0123456789abcdef".repeat(4);
const pieces = [
  "..",
  "/",
  ":",
  "@",
  "A",
  "%2e",
  "\\",
  "\0",
  "é",
  " ",
  "?",
  "#",
  "//",
  "-",
  "_",
  ".",
  "sha256:",
  "{platform}",
  "[::1]",
];

const host = fc.constantFrom(
  "ghcr.io",
  "localhost",
  "localhost:5000",
  "docker.io",
  "127.0.0.1:5000",
  "[::1]:5000",
  "a-b.example",
);
const repository = fc
  .array(fc.constantFrom("tools", "protoc", "a", "a.b", "a__b", "a-b", "0"), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));
const tag = fc.constantFrom("", ":33.0", ":latest", ":_x", ":v1.2-rc.1");
const digest = fc.constantFrom("", "", `@sha256:${hex}`);
const reference = fc
  .tuple(fc.option(host, { nil: undefined }), repository, tag, digest)
  .map(([name, path, version, pin]) => (name === undefined ? "" : `${name}/`) + path + version + pin);
const layout = fc
  .tuple(fc.constantFrom("oci:layout", "oci:../a/b", "oci:C:\\x", "oci:."), tag, digest)
  .map((parts) => parts.join(""));

/** Deterministic: a reference that stands in a URL means that place and no other. */
function staysInUrl(registry: string, path: string): void {
  const url = new URL(`https://${registry}/v2/${path}/manifests/x`);
  expect(url.pathname).toBe(`/v2/${path}/manifests/x`);
  expect([url.host, `${url.hostname}:443`]).toContain(registry);
  expect(url.username + url.password + url.search + url.hash).toBe("");
}

describe("references", () => {
  test("an accepted one is a place in a URL, and parses to itself again", () => {
    holds("reference", mutated(fc.oneof(reference, layout), pieces), (text) => {
      const parsed = parseReference(text, "default.example");
      const { location } = parsed;
      if (location.kind === "registry") staysInUrl(location.registry, location.repository);
      else expect(location.path).not.toContain("\0");
      if (parsed.digest !== undefined) expect(isDigest(parsed.digest)).toBe(true);
      const canonical = formatReference(parsed);
      expect(formatReference(parseReference(canonical, undefined))).toBe(canonical);
      return true;
    });
  });

  test("a registry is a host and nothing more", () => {
    holds("registry", mutated(host, pieces), (text) => {
      const registry = parseRegistry(text);
      staysInUrl(registry, "x");
      expect(parseRegistry(registry)).toBe(registry);
      return true;
    });
  });

  test("a prefix is a host and the beginning of a repository", () => {
    const prefix = fc
      .tuple(host, fc.option(repository, { nil: "" }))
      .map(([name, path]) => (path === "" ? name : `${name}/${path}`));
    holds("prefix", mutated(prefix, pieces), (text) => {
      const parsed = parseRepositoryPrefix(text);
      staysInUrl(parsed.registry, parsed.repository === "" ? "x" : parsed.repository);
      return true;
    });
  });

  test("long hostile texts are refused at once", () => {
    for (const unit of ["a-", "a/", "a.", "[", "a:", "@", "-", "__"]) {
      for (const text of [unit.repeat(50_000), `x/${unit.repeat(50_000)}`, `localhost:1/${unit.repeat(50_000)}!`]) {
        isQuick((one) => parseReference(one, "default.example"), text);
        isQuick(parseRegistry, text);
      }
    }
  });
});

test("digests: 64 lower-case hex digits of SHA-256, with or without the name", () => {
  const wellFormed = fc.constantFrom(hex, `sha256:${hex}`, `sha256:${"0".repeat(64)}`);
  holds("digest", mutated(wellFormed, ["A", "g", "0", "/", "..", "sha512:", "md5:", "\n", " "]), (text) => {
    expect(parseDigest(text)).toMatch(/^sha256:[0-9a-f]{64}(?!\n)$/);
    return true;
  });
});

test("entry paths: what is accepted lies below the folder, on every system", () => {
  const entry = fc
    .array(fc.constantFrom("bin", "protoc", "include", ".", "a b", "é"), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join("/"));
  const hostile = [
    "..",
    "/",
    "\\",
    ":",
    "\0",
    "NUL",
    "con.txt",
    "C:",
    " ",
    ".",
    "~",
    "\u202e",
    "a".repeat(256),
    "//",
    "x:ads",
  ];
  holds("entry path", mutated(entry, hostile), (name) => {
    let parts: readonly string[];
    try {
      parts = parseEntryPath(name, defaultLimits);
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
    const base = resolve("/base/folder");
    const path = join(base, ...parts);
    expect(path === base || path.startsWith(base + sep)).toBe(true);
    for (const part of parts) expect(part).not.toMatch(/^\.\.?$|[\\/:\0]|[. ]$|^(?:nul|con)(?:\.|$)/i);
    return true;
  });
});

test("byte sizes: a safe number or none", () => {
  holds(
    "byte size",
    mutated(fc.constantFrom("500M", "2GiB", "1048576", "1.5k", "0"), ["9".repeat(20), ".", "i", "B", "-", "e5", " "]),
    (text) => {
      const bytes = parseByteSize(text);
      if (bytes === undefined) return false;
      expect(Number.isSafeInteger(bytes) && bytes >= 0).toBe(true);
      return true;
    },
  );
});
