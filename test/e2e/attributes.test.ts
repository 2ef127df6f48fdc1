/** Wrong attributes fail at analysis, before anything runs, with a message that names the target and the attribute. */
import { expect, test } from "vitest";
import { executableAmong } from "../../src/lockfile/executable.ts";
import { requireBuck2, shared } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { artifact, cases, digest, target, targetName } from "./wrong-attributes.ts";

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

test("attributes: among the executables of several layers, rules and executable choose the same", async (context) => {
  const project = await setting(context);
  const tools: Readonly<Record<string, readonly string[]>> = {
    named: ["bin/other", "bin/named"],
    windows: ["windows-helper.exe", "bin/windows.exe"],
    first: ["a/first", "b/first"],
    only: ["bin/tool"],
    none: [],
    several: ["bin/one", "bin/two", "several/three"],
  };
  const locked = Object.entries(tools).map(([name, paths]) => {
    const layers = [...paths, undefined].map((executable, index) => ({
      ...layer,
      executable,
      title: `${index}.tar.gz`,
    }));
    return [name, lockedIn("ghcr.io/acme/tool", ...layers, { ...layer, title: "more.tar.gz" })];
  });
  project.write("choice/oras.lock.json", JSON.stringify({ version: 1, tools: Object.fromEntries(locked) }));
  project.write(
    "choice/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
[oras_tool(name = name, lock = lock) for name in lock["tools"]]
`,
  );
  const wanted = ["--json", "--output-attribute", "^executable$"];
  const ran = await project.buck2([
    "uquery",
    `set(${Object.keys(tools)
      .map((name) => `//choice:${name}`)
      .join(" ")})`,
    ...wanted,
  ]);
  const chosen = Object.entries(JSON.parse(ran.stdout) as Record<string, { executable?: string | null }>);
  const byRules = Object.fromEntries(
    chosen.map(([target, { executable }]) => [target.split(":")[1], executable ?? undefined]),
  );
  const byUs = Object.fromEntries(Object.entries(tools).map(([name, paths]) => [name, executableAmong(name, paths)]));
  expect(byRules).toEqual(byUs);
  expect(byUs).toMatchObject({ named: "bin/named", first: "a/first", only: "bin/tool", several: undefined });
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
