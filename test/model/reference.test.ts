import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OrasClientError } from "../../src/errors.ts";
import {
  expandTemplate,
  formatReference,
  isTemplate,
  parseReference,
  qualifyReference,
} from "../../src/model/reference.ts";
import { parseRegistry } from "../../src/model/registry-host.ts";
import { withoutLogin } from "../../src/model/without-login.ts";
import { seed } from "../support/property.ts";

const hex = "a".repeat(64);

function codeOf(text: string, registry?: string): string {
  try {
    parseReference(text, registry);
  } catch (error) {
    if (error instanceof OrasClientError) return error.code;
    throw error;
  }
  return "accepted";
}

/** The hint of the usage error. */
function hintOf(text: string): string | undefined {
  try {
    parseReference(text, undefined);
  } catch (error) {
    if (error instanceof OrasClientError) return error.hint;
  }
  return undefined;
}

function messageOf(text: string): string {
  try {
    parseReference(text, undefined);
  } catch (error) {
    return String(error);
  }
  return "";
}

describe("a scheme", () => {
  test.each([
    [
      "oci://ghcr.io/acme/protoc:33.0",
      "write ghcr.io/acme/protoc:33.0; a layout folder is oci:DIR, such as oci:./ghcr.io/acme/protoc:33.0",
    ],
    ["OCI://ghcr.io/a:1", "write ghcr.io/a:1;"],
    ["docker://quay.io/a/b:1", "write quay.io/a/b:1"],
    ["https://ghcr.io/a:1", "write ghcr.io/a:1"],
    ["oci:///srv/layout:1", "such as oci:/srv/layout:1"],
    ["https://user:hunter2@h.io/a", "write h.io/a"],
    ["https://user:pa/hunter2@host:5000", "write HOST/"],
    ["docker://user:s/hunter2@ghcr.io", "write HOST/"],
    ["docker://x@u:p/hunter2@ghcr.io/a", "write ghcr.io/a"],
    ["oci://u:p/hunter2@h.io/a", "write h.io/a"],
    ["docker://https://u:hunter2/w@h", "write"],
  ])("%s is refused, and the hint has what to write", (text, hint) => {
    expect(codeOf(text)).toBe("REFERENCE_INVALID");
    expect(hintOf(text)).toContain(hint);
    expect(hintOf(text)).not.toContain("hunter2");
    expect(messageOf(text)).not.toContain("hunter2");
  });

  test("a folder on another machine of Windows is none, and is written back as it came", () => {
    const reference = parseReference(String.raw`oci:\\server\share\layout:1`, undefined);
    expect(reference.location).toEqual({ kind: "layout", path: "//server/share/layout" });
    expect(parseReference(formatReference(reference), undefined)).toEqual(reference);
  });
});

describe("parseReference", () => {
  test.each([
    ["ghcr.io/acme/protoc:33.0", { registry: "ghcr.io", repository: "acme/protoc", tag: "33.0", digest: undefined }],
    ["localhost/protoc", { registry: "localhost", repository: "protoc", tag: undefined, digest: undefined }],
    ["localhost:5000/a/b", { registry: "localhost:5000", repository: "a/b", tag: undefined, digest: undefined }],
    ["[::1]:5000/a", { registry: "[::1]:5000", repository: "a", tag: undefined, digest: undefined }],
    ["127.0.0.1:5000/a:b", { registry: "127.0.0.1:5000", repository: "a", tag: "b", digest: undefined }],
    [`h.io/a:t@sha256:${hex}`, { registry: "h.io", repository: "a", tag: "t", digest: `sha256:${hex}` }],
    [
      "docker.io/protoc:1",
      { registry: "registry-1.docker.io", repository: "library/protoc", tag: "1", digest: undefined },
    ],
    [
      "docker.io/acme/protoc",
      { registry: "registry-1.docker.io", repository: "acme/protoc", tag: undefined, digest: undefined },
    ],
    ["GHCR.io/a", { registry: "ghcr.io", repository: "a", tag: undefined, digest: undefined }],
  ])("%s", (text, { registry, repository, tag, digest }) => {
    expect(parseReference(text, undefined)).toEqual({
      location: { kind: "registry", registry, repository },
      tag,
      digest,
    });
  });

  test("a name without a host belongs to the default registry", () => {
    const { location } = parseReference("tools/protoc:25.1", "localhost:5000");
    expect(location).toEqual({ kind: "registry", registry: "localhost:5000", repository: "tools/protoc" });
    expect(codeOf("tools/protoc:25.1")).toBe("REGISTRY_NOT_NAMED");
  });

  test.each([
    ["oci:layout:33.0", { path: "layout", tag: "33.0", digest: undefined }],
    ["oci:/abs/dir.d:1", { path: "/abs/dir.d", tag: "1", digest: undefined }],
    ["oci:./a/b", { path: "./a/b", tag: undefined, digest: undefined }],
    [`oci:dir@sha256:${hex}`, { path: "dir", tag: undefined, digest: `sha256:${hex}` }],
    ["oci:C:\\tools\\layout:33.0", { path: "C:/tools/layout", tag: "33.0", digest: undefined }],
  ])("layout %s", (text, { path, tag, digest }) => {
    expect(parseReference(text, undefined)).toEqual({ location: { kind: "layout", path }, tag, digest });
  });

  test.each([
    "ghcr.io/Acme/protoc:1",
    "ghcr.io/",
    "ghcr.io/a//b",
    "ghcr.io/a:",
    "ghcr.io/a/../b",
    "ghcr.io/a:t/x",
    "ghcr.io:99999/a",
    "https://ghcr.io/a:1",
    "-x.io/a",
    "ghcr.io/a b",
    "user@ghcr.io/a",
    "oci:",
    "oci:a\0b:1",
    "",
    "{platform}/x",
    `ghcr.io/${"a".repeat(300)}`,
  ])("refuses %j", (text) => {
    expect(codeOf(text, "d.io")).toMatch(/^(REFERENCE_INVALID|DIGEST_INVALID)$/);
  });

  test.each([
    `SHA256:${hex}`,
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex.slice(1)}`,
    `md5:${"a".repeat(32)}`,
    `sha256:${hex.slice(4)}/../`,
    `sha512:${hex}${hex}`,
  ])("refuses the digest %s", (digest) => {
    expect(codeOf(`ghcr.io/a@${digest}`)).toBe("DIGEST_INVALID");
  });

  test("any text is a reference that formats and parses to itself, or a usage error", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({
        unit: fc.constantFrom(
          "a",
          "B",
          "0",
          "/",
          ":",
          "@",
          ".",
          "-",
          "_",
          "{",
          "[",
          "]",
          "\\",
          "%",
          "sha256:",
          hex,
          "oci:",
          "localhost",
        ),
      }),
    );
    fc.assert(
      fc.property(text, (input) => {
        if (codeOf(input, "d.io") !== "accepted") return;
        const parsed = parseReference(input, "d.io");
        if (parsed.location.kind === "registry") expect(parsed.location.repository).not.toMatch(/\.\.|\/\/|[%\\?#]/);
        expect(parseReference(formatReference(parsed), undefined)).toEqual(parsed);
      }),
      { numRuns: 20_000, seed },
    );
  });
});

test("templates: every {platform} is filled in, and an unfilled one is refused", () => {
  expect(isTemplate("h.io/t:25.1-{platform}")).toBe(true);
  expect(expandTemplate("h.io/{platform}/t:{platform}", "linux-x86_64")).toBe("h.io/linux-x86_64/t:linux-x86_64");
  expect(codeOf("h.io/t:25.1-{platform}")).toBe("REFERENCE_INVALID");
});

test("parseRegistry: a host with an optional port, nothing else", () => {
  expect(parseRegistry("LocalHost:5000")).toBe("localhost:5000");
  for (const text of ["", "a/b", "https://a", "a:b", "a b", "a..b", "user@host"]) {
    expect(() => parseRegistry(text)).toThrow(OrasClientError);
  }
});

test("qualifyReference: the default registry is written out, a host or a layout stays", () => {
  expect(qualifyReference("t:{platform}", "h.io")).toBe("h.io/t:{platform}");
  expect(qualifyReference("localhost/t:1", "h.io")).toBe("localhost/t:1");
  expect(qualifyReference("oci:t:1", "h.io")).toBe("oci:t:1");
  expect(() => qualifyReference("t:1", undefined)).toThrow(/names no registry/);
});

test.each([
  "ghcr.io/acme/protoc:33.0",
  `ghcr.io/acme/protoc@sha256:${"a".repeat(64)}`,
  `protoc:1@sha256:${"a".repeat(64)}`,
  "ghcr.io/acme/protoc@md5:abc",
  "oci:/home/me@work/tools:1",
])("a reference without a login is written down as it is: %s", (text) => {
  expect(withoutLogin(text, 300)).toBe(text);
});
