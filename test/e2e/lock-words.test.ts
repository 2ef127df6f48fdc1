/** Words of a lock that the rules do not know or cannot obey: the tool fails alone, with the reason. */
import { expect, test } from "vitest";
import { requireBuck2, shared } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import type { Ran } from "../support/run.ts";
import { digest } from "./wrong-attributes.ts";

const setting = shared(
  (context) => requireBuck2(context),
  async (buck2) =>
    layOutProject(buck2, {
      files: {
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`,
      },
    }),
);

/** Text of a lock with a tool of one file, for one platform or `any`. */
function lockOfTool(platform: string): string {
  const entry = {
    access: "http",
    manifest: digest,
    repository: "ghcr.io/acme/tool",
    layers: [{ digest, format: "raw", mediaType: "a/b", size: 1, title: "tool", executable: "tool" }],
  };
  const tools = { tool: { reference: "ghcr.io/acme/tool:1", platforms: { [platform]: entry } } };
  return JSON.stringify({ version: 1, tools });
}

interface ToolPackage {
  readonly name: string;
  /** Text of the lock. */
  readonly lock: string;
  /** Further attributes of the tool. */
  readonly attributes?: string;
}

/** Loads a tool from a package of its own, after another target of the package, which must load. */
async function loadTool(project: Consumer, { name, lock, attributes = "" }: ToolPackage): Promise<Ran> {
  project.write(`${name}/oras.lock.json`, lock);
  project.write(
    `${name}/BUCK`,
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "tool", ${attributes}lock = lock)
alias(name = "oras", actual = "oras//tools:oras")
`,
  );
  const other = await project.buck2(["audit", "subtargets", `//${name}:oras`]);
  expect(other.exitCode, other.stderr).toBe(0);
  return await project.buck2(["audit", "subtargets", `//${name}:tool`]);
}

/** Words of a lock that these rules do not know, and the end of each: an unknown access is no more than an absent one. */
const newerWords: Readonly<Record<string, readonly [change: (text: string) => string, problem: string | undefined]>> = {
  access: [(text) => text.replace('"http"', '"ipfs"'), undefined],
  format: [(text) => text.replace('"raw"', '"tar.lz"'), "the format `tar.lz`"],
  platform: [
    (text) => text.replace('"linux-x86_64"', '"linux-riscv64"'),
    "no constraints for the platform `linux-riscv64`",
  ],
};

test.for(Object.entries(newerWords))(
  "attributes: a newer word of the lock for %s leaves the package's other targets usable",
  async ([word, [change, problem]], context) => {
    const project = await setting(context);
    const ran = await loadTool(project, { name: `word-${word}`, lock: change(lockOfTool("linux-x86_64")) });
    if (problem === undefined) expect(ran.exitCode, ran.stderr).toBe(0);
    else expect(ran.stderr).toContain(problem);
  },
);

/** Tools that Buck2 shall fetch itself and cannot, and why. */
const notNative: Readonly<Record<string, readonly [change: (text: string) => string, problem: string]>> = {
  token: [
    (text) => text.replace('"http"', '"token"'),
    "the registry asks for a token or a login: lock the tool at a registry or a mirror that asks for none",
  ],
  unknown: [(text) => text.replace('"access":"http",', ""), "it is not known whether the registry asks for a login"],
  compressed: [(text) => text.replace('"raw"', '"zstd"'), "for an uncompressed file, and the lock file has `zstd`"],
  layout: [
    (text) => text.replace('"repository":"ghcr.io/acme/tool"', '"repository":"oci:tool"'),
    "a layout folder is no registry: push the tool to one, and lock it there",
  ],
};

test.for(Object.entries(notNative))(
  "attributes: `fetch = native` of one tool says why Buck2 cannot fetch it: %s",
  async ([name, [change, problem]], context) => {
    const project = await setting(context);
    const lock = change(lockOfTool("any"));
    const ran = await loadTool(project, { name: `native-${name}`, lock, attributes: 'fetch = "native", ' });
    expect(ran.exitCode).not.toBe(0);
    expect(ran.stderr).toContain(problem);
  },
);
