/** `docs/renovate.json` held against locks: what Renovate extracts from them, and what its replacement changes. */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { expect, test } from "vitest";
import { formatLock, parseLock } from "../../src/lockfile/file.ts";
import type { Lock } from "../../src/lockfile/schema.ts";

const managerSchema = v.object({
  customType: v.literal("regex"),
  matchStringsStrategy: v.literal("recursive"),
  matchStrings: v.array(v.string()),
  datasourceTemplate: v.literal("docker"),
  packageNameTemplate: v.literal("{{{replace '\\{platform\\}' 'linux-x86_64' packageName}}}"),
  extractVersionTemplate: v.optional(v.string()),
  autoReplaceStringTemplate: v.optional(v.literal(':{{{newValue}}}{{#if newDigest}}@{{{newDigest}}}{{/if}}"')),
});
type Manager = v.InferOutput<typeof managerSchema>;

function readText(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

const { customManagers: managers } = v.parse(
  v.object({ customManagers: v.array(managerSchema) }),
  JSON.parse(readText("docs/renovate.json")),
);

const groupsSchema = v.object({
  depName: v.string(),
  packageName: v.string(),
  currentValue: v.string(),
  currentDigest: v.optional(v.string()),
});

interface Dependency extends v.InferOutput<typeof groupsSchema> {
  /** What the last expression matched; Renovate puts the new text in its place. */
  readonly replaceString: string;
  readonly manager: Manager;
}

/** Each expression searches what the one before it matched; the groups of all of them are put together. */
function extractBy(manager: Manager, text: string, depth = 0, groups: Record<string, string> = {}): Dependency[] {
  const source = manager.matchStrings[depth];
  if (source === undefined) {
    const found = v.parse(groupsSchema, groups);
    const packageName = found.packageName.replaceAll("{platform}", "linux-x86_64");
    return [{ ...found, packageName, replaceString: text, manager }];
  }
  return [...text.matchAll(new RegExp(source, "g"))].flatMap((match) =>
    extractBy(manager, match[0], depth + 1, { ...groups, ...match.groups }),
  );
}

function extract(text: string): Dependency[] {
  return managers.flatMap((manager) => extractBy(manager, text));
}

function summaryOf(dependencies: readonly Dependency[]): Record<string, string> {
  return Object.fromEntries(
    dependencies.map(({ depName, packageName, currentValue }) => [depName, `${packageName} ${currentValue}`]),
  );
}

function replacementOf({ manager, replaceString, currentValue }: Dependency, value: string, digest?: string): string {
  // Without a template Renovate puts the value in place of the old one.
  if (manager.autoReplaceStringTemplate === undefined) return replaceString.replaceAll(currentValue, value);
  return digest === undefined ? `:${value}"` : `:${value}@${digest}"`;
}

/** As Renovate does it: wherever the text stands, until the tool has the new value when it is extracted again. */
function bump(text: string, tool: string, value: string, digest?: string): string {
  const dependency = extract(text).find(({ depName }) => depName === tool);
  if (dependency === undefined) throw new Error(`nothing is extracted for ${tool}`);
  const { replaceString } = dependency;
  for (let at = text.indexOf(replaceString); at !== -1; at = text.indexOf(replaceString, at + 1)) {
    const replacement = replacementOf(dependency, value, digest);
    const changed = text.slice(0, at) + replacement + text.slice(at + replaceString.length);
    if (extract(changed).some(({ depName, currentValue }) => depName === tool && currentValue === value))
      return changed;
  }
  throw new Error(`${replaceString} of ${tool} cannot be replaced`);
}

function withReference(lock: Lock, tool: string, reference: string): Lock {
  const locked = lock.tools[tool];
  if (locked === undefined) throw new Error(`no tool ${tool}`);
  return { ...lock, tools: { ...lock.tools, [tool]: { ...locked, reference } } };
}

const digest = `sha256:${"5".repeat(64)}`;
const otherDigest = `sha256:${"6".repeat(64)}`;

/** A lock with these references; media types, titles and sizes are such as an expression might take for something else. */
function lockOf(references: Readonly<Record<string, string>>): Lock {
  const layer = {
    digest,
    size: 5,
    mediaType: '\n    "x": {\n      "reference": "ghcr.io/acme/x:5"\n    }\u2028:5"',
    title: "reference",
    format: "raw",
    contentDigest: digest,
  };
  const entry = { manifest: digest, repository: "ghcr.io/acme/x:5", layers: [layer, layer] };
  const platforms = { "linux-x86_64": entry, "darwin-arm64": entry };
  const tools = Object.entries(references).map(([name, reference]) => [name, { reference, digest, platforms }]);
  return parseLock(JSON.stringify({ version: 1, tools: Object.fromEntries(tools) }), "lock");
}

const example = readText("examples/consumer/oras.lock.json");

test("renovate: the tools of the example's lock", () => {
  expect(summaryOf(extract(example))).toEqual({
    protoc: "localhost:5000/tools/protoc 33.0",
    "protoc-gen-grpc-java": "localhost:5000/tools/protoc-gen-grpc-java 1.76.0",
    "protoc-include": "localhost:5000/tools/protoc-include 33.0",
  });
  expect(formatLock(parseLock(example, "lock"))).toBe(example);
});

test("renovate: a new tag changes the reference of its tool in the example's lock, and nothing else", () => {
  const lock = parseLock(example, "lock");
  for (const [tool, { reference }] of Object.entries(lock.tools)) {
    const renewed = `${reference.slice(0, reference.lastIndexOf(":"))}:34.1`;
    expect(bump(example, tool, "34.1")).toBe(formatLock(withReference(lock, tool, renewed)));
  }
});

test.each([
  ["ghcr.io/acme/tools/protoc:33.0", "ghcr.io/acme/tools/protoc 33.0", "ghcr.io/acme/tools/protoc:6"],
  ["localhost:5000/v5/x-5:5", "localhost:5000/v5/x-5 5", "localhost:5000/v5/x-5:6"],
  ["ghcr.io/acme/x:v1.2.3-rc.1_2", "ghcr.io/acme/x v1.2.3-rc.1_2", "ghcr.io/acme/x:6"],
  ["ghcr.io/acme/{platform}/x:5", "ghcr.io/acme/linux-x86_64/x 5", "ghcr.io/acme/{platform}/x:6"],
  ["ghcr.io/acme/x:5-{platform}", "ghcr.io/acme/x 5", "ghcr.io/acme/x:6-{platform}"],
  ["ghcr.io/acme/x-{platform}:5_{platform}", "ghcr.io/acme/x-linux-x86_64 5", "ghcr.io/acme/x-{platform}:6_{platform}"],
])("renovate: %s", (reference, found, renewed) => {
  const lock = lockOf({ "a.b+c": reference, other: "ghcr.io/acme/other:5", z: reference });
  const text = formatLock(lock);
  expect(summaryOf(extract(text))).toEqual({ "a.b+c": found, other: "ghcr.io/acme/other 5", z: found });
  for (const tool of ["a.b+c", "z"]) {
    expect(bump(text, tool, "6")).toBe(formatLock(withReference(lock, tool, renewed)));
  }
});

test("renovate: a tag with a digest gets both anew", () => {
  const lock = lockOf({ x: `ghcr.io/acme/x:5@${digest}` });
  const text = formatLock(lock);
  expect(extract(text)).toMatchObject([{ currentValue: "5", currentDigest: digest }]);
  const renewed = withReference(lock, "x", `ghcr.io/acme/x:6@${otherDigest}`);
  expect(bump(text, "x", "6", otherDigest)).toBe(formatLock(renewed));
});

test("renovate: a reference without a version in a registry is left alone", () => {
  const lock = lockOf({
    digest: `ghcr.io/acme/x@${digest}`,
    latest: "ghcr.io/acme/x",
    layout: "oci:layout:5",
    above: "oci:../layout:5",
    absolute: "oci:/srv/layout:5",
    first: "ghcr.io/acme/x:{platform}-5",
  });
  expect(extract(formatLock(lock))).toEqual([]);
});

test("renovate: a lock with CRLF", () => {
  expect(summaryOf(extract(example.replaceAll("\n", "\r\n")))).toEqual(summaryOf(extract(example)));
});

test("renovate: of the tags per platform, those of linux-x86_64 are the versions", () => {
  const [template] = managers.flatMap(({ extractVersionTemplate }) => extractVersionTemplate ?? []);
  const tags = ["33.0-linux-x86_64", "33.0-darwin-arm64", "34.0_linux-x86_64", "34.0", "latest"];
  const versions = tags.map((tag) => new RegExp(template ?? "").exec(tag)?.groups?.version);
  expect(versions).toEqual(["33.0", undefined, "34.0", undefined, undefined]);
});

test("renovate: the expressions have nothing that RE2 lacks", () => {
  for (const source of managers.flatMap(({ matchStrings }) => matchStrings)) {
    expect(source).not.toMatch(/\(\?<?[=!]|\\[1-9]|\\k/);
  }
});
