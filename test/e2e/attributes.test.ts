/** Wrong attributes fail at analysis, before anything runs, with a message that names the target and the attribute. */
import { expect, test } from "vitest";
import { requireBuck2, shared } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";

const digest = `sha256:${"a".repeat(64)}`;
const artifact = { digest, repository: "ghcr.io/acme/protoc", size_bytes: 1 };
const archive = { ...artifact, type: "tar.gz" };

type Attributes = Readonly<Record<string, unknown>>;

interface Case {
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

const cases: Readonly<Record<string, Case>> = {
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

function target(name: string, { rule, attributes }: Case): string {
  const lines = Object.entries(attributes).map(([attribute, value]) => `    ${attribute} = ${starlark(value)},`);
  return `${rule}(\n    name = "${name}",\n${lines.join("\n")}\n)\n`;
}

function targetName(title: string): string {
  return title.replaceAll(/[^a-z]+/g, "_");
}

const setting = shared(
  (context) => requireBuck2(context),
  async (buck2) =>
    layOutProject(buck2, {
      files: {
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc", protoc = "oras//tools:oras", visibility = ["PUBLIC"])
`,
        "wrong/a.proto": "",
        "wrong/tools/oci-layout": "",
        "wrong/BUCK": `load("@oras//rules:defs.bzl", "oras_artifact", "proto_generate", "proto_include_library", "proto_library")
${Object.entries(cases)
  .map(([title, one]) => target(targetName(title), one))
  .join("\n")}`,
      },
    }),
);

test.for(Object.entries(cases))("attributes: %s", async ([title, { attribute, problem }], context) => {
  const project = await setting(context);
  const name = `//wrong:${targetName(title)}`;
  const ran = await project.buck2(["build", name]);
  expect(ran.exitCode).toBe(3);
  const message = ran.stderr.split("\n").find((line) => line.includes("error: fail: "));
  expect(message).toContain(`error: fail: \`${attribute}\` of \`root${name}\``);
  expect(message).toContain(problem);
  expect(ran.stderr).not.toContain("Commands:");
});

test.for([
  ["type", "rar"],
  ["format", "rar"],
  ["platform", "linux/amd64"],
] as const)("attributes: `%s` takes words of a list, and not %s", async ([attribute, value], context) => {
  const project = await setting(context);
  const attributes = { ...artifact, [attribute]: value };
  const load = `load("@oras//rules:defs.bzl", "oras_artifact")\n`;
  project.write("enum/BUCK", load + target("tool", { rule: "oras_artifact", attributes, attribute, problem: "" }));
  const ran = await project.buck2(["build", "//enum:tool"]);
  expect(ran.exitCode).toBe(3);
  expect(ran.stderr).toMatch(new RegExp(`coercing attribute \`${attribute}\` of \`(?:root)?//enum:tool\``));
  expect(ran.stderr).toContain(`\`${value}\``);
});

test("attributes: old names count, with a warning that names the new ones; labels are for queries", async (context) => {
  const project = await setting(context);
  project.write(
    "old/BUCK",
    `load("@oras//rules:defs.bzl", "oras_artifact")
oras_artifact(
    name = "tool",
    digest = "${digest}",
    format = "tar.gz",
    labels = ["codegen"],
    repository = "ghcr.io/acme/tool",
    size = 1,
)
`,
  );
  const ran = await project.buck2(["audit", "subtargets", "//old:tool"]);
  expect(ran.exitCode, ran.stderr).toBe(0);
  for (const [old, now] of [
    ["size", "size_bytes"],
    ["format", "type"],
  ]) {
    expect(ran.stderr).toContain(`\`${old}\` of \`root//old:tool\` is called \`${now}\` now`);
  }
  const labelled = await project.buck2(["uquery", "attrfilter(labels, codegen, //old:)"]);
  expect(labelled.stdout.trim()).toBe("root//old:tool");
});

test("attributes: a tool that the lock does not have names those that it has", async (context) => {
  const project = await setting(context);
  project.write("lock/oras.lock.json", JSON.stringify({ version: 1, tools: { buf: {}, protoc: {} } }));
  project.write(
    "lock/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "protok", lock = lock)
`,
  );
  const ran = await project.buck2(["build", "//lock:protok"]);
  expect(ran.stderr).toContain("no tool `protok` in the lock file, which has `buf`, `protoc`");
  expect(ran.stderr).toContain("buck2-oras lock add protok REFERENCE");
});

test("attributes: a lock of a newer version is refused with what to do", async (context) => {
  const project = await setting(context);
  project.write("newer/oras.lock.json", JSON.stringify({ version: 2, tools: {} }));
  project.write(
    "newer/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "protoc", lock = lock)
`,
  );
  const ran = await project.buck2(["build", "//newer:protoc"]);
  expect(ran.stderr).toContain("the lock file of the tool `protoc` has version 2, and these rules read 1");
  expect(ran.stderr).toContain("update the cell of these rules");
});

test("attributes: what the lock says cannot be said again beside it", async (context) => {
  const project = await setting(context);
  project.write("twice/oras.lock.json", JSON.stringify({ version: 1, tools: {} }));
  project.write(
    "twice/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "protoc", lock = lock, digest = "${digest}")
`,
  );
  const ran = await project.buck2(["build", "//twice:protoc"]);
  expect(ran.stderr).toContain("`digest` of the tool `protoc` comes from the lock file");
});

const layer = { digest, format: "tar.gz", mediaType: "application/gzip", size: 1, title: "tool.tar.gz" };
const lockedIn = (repository: string, ...layers: readonly object[]) => ({
  reference: `${repository}:1`,
  platforms: { any: { repository, manifest: digest, layers } },
});

test.for<[string, string, string]>([
  ["layout", `"oci", tool = "one"`, "the lock file names `ghcr.io/acme/tool`"],
  ["strip_prefix", `"tool", tool = "several"`, "the lock file has several layers"],
  ["strip_prefix", `{"linux-amd64": "tool"}, tool = "one"`, "names the platform `linux-amd64`, which is none of"],
])("attributes: `%s` = %s of a tool has no use, and says so", async ([attribute, value, problem], context) => {
  const project = await setting(context);
  const tools = {
    one: lockedIn("ghcr.io/acme/tool", layer),
    several: lockedIn("ghcr.io/acme/tool", layer, { ...layer, title: "other.tar.gz" }),
  };
  project.write("useless/oras.lock.json", JSON.stringify({ version: 1, tools }));
  project.write(
    "useless/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "tool", lock = lock, ${attribute} = ${value})
`,
  );
  const ran = await project.buck2(["cquery", "//useless:tool"]);
  expect(ran.exitCode).not.toBe(0);
  expect(ran.stderr).toContain(`\`${attribute}\` of the tool \`tool\``);
  expect(ran.stderr).toContain(problem);
});

test("attributes: what a tool of several layers is given reaches the targets of its platforms and layers", async (context) => {
  const project = await setting(context);
  const several = lockedIn("ghcr.io/acme/tool", layer, { ...layer, title: "other.tar.gz" });
  project.write("parts/oras.lock.json", JSON.stringify({ version: 1, tools: { several } }));
  project.write(
    "parts/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "several", contacts = ["me"], exec_compatible_with = ["prelude//os:linux"], labels = ["codegen"], lock = lock)
`,
  );
  const wanted = ["--json", "--output-attribute", "^(contacts|labels|exec_compatible_with)$"];
  const ran = await project.buck2(["uquery", "//parts:", ...wanted]);
  const targets = Object.entries(JSON.parse(ran.stdout) as Record<string, unknown>);
  expect(targets.length).toBeGreaterThanOrEqual(3);
  for (const [name, attributes] of targets) {
    const given = { contacts: ["me"], exec_compatible_with: ["prelude//os:linux"], labels: ["codegen"] };
    expect(attributes, name).toEqual(given);
  }
});

test("attributes: two layers of one title are refused with the title", async (context) => {
  const project = await setting(context);
  project.write(
    "twice/oras.lock.json",
    JSON.stringify({ version: 1, tools: { two: lockedIn("ghcr.io/a/b", layer, layer) } }),
  );
  project.write(
    "twice/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "two", lock = lock)
`,
  );
  const ran = await project.buck2(["uquery", "//twice:"]);
  expect(ran.stderr).toMatch(/two layers of the tool `two` are `\S+` in the lock file/);
});

test("attributes: `format` keeps a locked archive as one file, which is data", async (context) => {
  const project = await setting(context);
  const archived = { ...layer, executable: "bin/tool", format: "zip", include: "include", title: "tool.jar" };
  const jar = lockedIn("ghcr.io/acme/tool", archived);
  project.write("jar/oras.lock.json", JSON.stringify({ version: 1, tools: { jar } }));
  project.write(
    "jar/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "jar", format = "raw", lock = lock, out = "tool.jar")
`,
  );
  const wanted = ["--json", "--output-attribute", "^(executable|include|type)$"];
  const ran = await project.buck2(["uquery", "kind(oras_artifact, //jar:)", ...wanted]);
  const found = Object.values(JSON.parse(ran.stdout) as Record<string, unknown>);
  expect(found).toEqual(found.map(() => ({ executable: false, include: null, type: "raw" })));
  expect(found.length).toBeGreaterThan(0);
});

test("attributes: `format` unpacks a wheel, which the lock has as one file, and its prefix asks for it", async (context) => {
  const project = await setting(context);
  const wheel = lockedIn("ghcr.io/acme/tool", { ...layer, executable: false, format: "raw", title: "tool.whl" });
  project.write("wheel/oras.lock.json", JSON.stringify({ version: 1, tools: { wheel } }));
  const build = (format: string): string => `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "wheel", lock = lock, strip_prefix = "include"${format})
`;
  project.write("wheel/BUCK", build(""));
  const refused = await project.buck2(["uquery", "//wheel:"]);
  expect(refused.stderr).toContain(
    "`strip_prefix` of the tool `wheel` is for archives, and its file is `raw`: set `format = ",
  );
  project.write("wheel/BUCK", build(`, format = "zip"`));
  const wanted = ["--json", "--output-attribute", "^(executable|strip_prefix|type)$"];
  const ran = await project.buck2(["uquery", "kind(oras_artifact, //wheel:)", ...wanted]);
  const found = Object.values(JSON.parse(ran.stdout) as Record<string, unknown>);
  expect(found[0]).toEqual({ executable: null, strip_prefix: "include", type: "zip" });
});

test("attributes: an attribute that no target has is refused in the name of `oras_tool`", async (context) => {
  const project = await setting(context);
  project.write(
    "unknown/oras.lock.json",
    JSON.stringify({ version: 1, tools: { one: lockedIn("ghcr.io/a/b", layer) } }),
  );
  project.write(
    "unknown/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "one", labls = ["codegen"], lock = lock)
`,
  );
  const ran = await project.buck2(["uquery", "//unknown:"]);
  expect(ran.stderr).toContain("error: fail: `oras_tool` has no attribute `labls` (the tool `one`)");
});

test("errors: only `error[CODE]: ` begins a report of ours", async (context) => {
  const project = await setting(context);
  const lines = [
    "error[",
    "error[E0425 no end",
    "error[lower]: x",
    "  hint: nobody's",
    "error[BLOB_X]: ours",
    "  hint: do it",
  ];
  project.write(
    "shouts/rule.bzl",
    `load("@oras//rules:errors.bzl", "oras_error_handler")

def _impl(ctx):
    out = ctx.actions.declare_output("out")
    script = """printf '%s\\\\n' ${lines.map((line) => `"${line}"`).join(" ")} >&2; exit 1"""
    ctx.actions.run(["sh", "-c", script, cmd_args(out.as_output())], category = "shout", error_handler = oras_error_handler)
    return [DefaultInfo(default_output = out)]

shout = rule(impl = _impl, attrs = {})
`,
  );
  project.write("shouts/BUCK", `load(":rule.bzl", "shout")\nshout(name = "shout")\n`);
  const built = await project.build(["//shouts:shout"]);
  expect(built.subErrors).toEqual([{ category: "BLOB_X", message: "ours", remediation: "do it" }]);
});
