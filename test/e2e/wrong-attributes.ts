/** Targets with one wrong attribute each, and what the message says of it. */

export const digest = `sha256:${"a".repeat(64)}`;
export const artifact = { digest, repository: "ghcr.io/acme/protoc", size_bytes: 1 };
const archive = { ...artifact, type: "tar.gz" };

type Attributes = Readonly<Record<string, unknown>>;

export interface Case {
  readonly rule: string;
  readonly attributes: Attributes;
  /** What the message says after the target's name. */
  readonly attribute: string;
  readonly problem: string;
}

const wrong = (attribute: string, problem: string, attributes: Attributes, rule = "oras_artifact"): Case => ({
  rule,
  attributes,
  attribute,
  problem,
});

export const cases: Readonly<Record<string, Case>> = {
  "digest without algorithm": wrong("digest", "64 lower-case hex digits", { ...artifact, digest: "a".repeat(64) }),
  "digest in upper case": wrong("digest", "64 lower-case hex digits", { ...artifact, digest: digest.toUpperCase() }),
  "digest too short": wrong("digest", "64 lower-case hex digits", { ...artifact, digest: "sha256:abc" }),
  "digest with a path in it": wrong("digest", "64 lower-case hex digits", { ...artifact, digest: "sha256:../../etc" }),
  "negative size": wrong("size_bytes", "a number of bytes", { ...artifact, size_bytes: -1 }),
  "no size": wrong("size_bytes", "a number of bytes", { digest, repository: "ghcr.io/acme/protoc" }),
  "negative size under its old name": wrong("size_bytes", "a number of bytes", {
    digest,
    repository: "ghcr.io/acme/protoc",
    size: -1,
  }),
  "size under both names": wrong("size", "is the old name of `size_bytes`", { ...artifact, size: 1 }),
  "type under both names": wrong("format", "is the old name of `type`", { ...archive, format: "zip" }),
  "digest of the manifest": wrong("manifest_digest", "64 lower-case hex", { ...artifact, manifest_digest: "33.0" }),
  "empty repository": wrong("repository", "is empty", { ...artifact, repository: "" }),
  "tag in the repository": wrong("repository", "without tag", { ...artifact, repository: "ghcr.io/acme/protoc:33" }),
  "digest in the repository": wrong("repository", "without tag", { ...artifact, repository: `ghcr.io/a@${digest}` }),
  "repository without host": wrong("repository", "HOST/REPOSITORY", { ...artifact, repository: "acme/protoc" }),
  "repository with scheme": wrong("repository", "HOST/REPOSITORY", { ...artifact, repository: "https://ghcr.io/a" }),
  "layout reference without layout": wrong("layout", "an `oras_layout` in the folder's package", {
    ...artifact,
    repository: "oci:tools",
  }),
  "layout with a registry": wrong("layout", "is for `oci:` repositories only", { ...artifact, layout: "tools" }),
  "executable outside": wrong("executable", "has a `..`", { ...archive, executable: "../protoc" }),
  "executable with a backslash": wrong("executable", "write `/`", { ...archive, executable: "bin\\protoc" }),
  "executable path of a single file": wrong("executable", "folders only", { ...artifact, executable: "bin/protoc" }),
  "include outside": wrong("include", "is absolute", { ...archive, include: "/usr/include" }),
  "sub-target outside": wrong("sub_targets", "has a `..`", { ...archive, sub_targets: ["a/../../b"] }),
  "sub-targets of a single file": wrong("sub_targets", "archives only", { ...artifact, sub_targets: ["a"] }),
  "prefix outside": wrong("strip_prefix", "has a `..`", { ...archive, strip_prefix: ".." }),
  "output elsewhere": wrong("out", "has a `..`", { ...artifact, out: "../protoc" }),
  "language that nobody knows": wrong(
    "language",
    "neither built into protoc",
    { srcs: ["a.proto"], language: "pascal" },
    "proto_generate",
  ),
  "generator without files": wrong("srcs", "exactly one", { language: "python" }, "proto_generate"),
  "language and generators": wrong(
    "language",
    "exactly one",
    { srcs: ["a.proto"], language: "python", generators: { pyi: [] } },
    "proto_generate",
  ),
  "options beside generators": wrong(
    "options",
    "`generators` has the options",
    { srcs: ["a.proto"], generators: { pyi: [] }, options: ["x"] },
    "proto_generate",
  ),
  "generator that nobody knows": wrong(
    "generators",
    "neither built into protoc",
    { srcs: ["a.proto"], generators: { python: [], pascal: [] } },
    "proto_generate",
  ),
  "named outputs of an archive": wrong(
    "outs",
    "is the archive `a.srcjar`",
    { srcs: ["a.proto"], language: "java", out: "a.srcjar", outs: ["A.java"] },
    "proto_generate",
  ),
  "include library without an include folder": wrong("toolchain", "no `include` folder", {}, "proto_include_library"),
  "strip prefix elsewhere": wrong(
    "strip_import_prefix",
    "has a `..`",
    { srcs: ["a.proto"], strip_import_prefix: "/a/.." },
    "proto_library",
  ),
  "absolute import prefix": wrong(
    "import_prefix",
    "is absolute",
    { srcs: ["a.proto"], import_prefix: "/a" },
    "proto_library",
  ),
  "named output elsewhere": wrong(
    "outs",
    "has a `..`",
    { srcs: ["a.proto"], language: "python", outs: ["../a"] },
    "proto_generate",
  ),
  "import prefix elsewhere": wrong(
    "import_prefix",
    "has a `..`",
    { srcs: ["a.proto"], import_prefix: ".." },
    "proto_library",
  ),
  "prefix that the file has not": wrong(
    "strip_import_prefix",
    "which is no parent folder of",
    { srcs: ["a.proto"], strip_import_prefix: "b" },
    "proto_library",
  ),
};

function starlark(value: unknown): string {
  return JSON.stringify(value);
}

/** A target as a build file has it. */
export function target(name: string, { rule, attributes }: Case): string {
  const lines = Object.entries(attributes).map(([attribute, value]) => `    ${attribute} = ${starlark(value)},`);
  return `${rule}(\n    name = "${name}",\n${lines.join("\n")}\n)\n`;
}

export function targetName(title: string): string {
  return title.replaceAll(/[^a-z]+/g, "_");
}
