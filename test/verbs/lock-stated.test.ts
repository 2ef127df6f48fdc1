/** The publisher's statements in a lock: which annotations it takes, and when a change of the source is an error. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatLock, parseLock } from "../../src/lockfile/file.ts";
import { isStatedSource } from "../../src/lockfile/stated-text.ts";
import { statedOf } from "../../src/locking/stated.ts";
import { annotationKeys } from "../../src/model/manifest.ts";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { atLeast, seed } from "../support/property.ts";
import { succeeding } from "../support/succeeding.ts";

const prefix = "org.opencontainers.image.";
const at = (root: Readonly<Record<string, string>>, own: Readonly<Record<string, string>> = {}) => {
  const named = (one: object) => Object.fromEntries(Object.entries(one).map(([key, text]) => [prefix + key, text]));
  return { rootAnnotations: named(root), manifest: { annotations: named(own) } };
};

test.each([
  [
    "the index's come first",
    [at({ version: "1" }, { version: "2", licenses: "MIT" })],
    { version: "1", licenses: "MIT" },
  ],
  ["the same on all platforms", [at({}, { version: "1" }), at({}, { version: "1" })], { version: "1" }],
  ["another on one platform", [at({}, { version: "1" }), at({}, { version: "2" })], undefined],
  ["none on one platform", [at({}, { version: "1" }), at({})], undefined],
  ["an index that says nothing usable", [at({ version: "" }, { version: "1" })], { version: "1" }],
  ["no platform", [], undefined],
])("lock stated: %s", (_, platforms, expected) => {
  expect(statedOf(platforms)).toEqual(expected);
});

const hostile = [
  "",
  " 1",
  "1 ",
  "1\n2",
  "1\u202e2",
  "1\u200b",
  "\u0430pple",
  "x".repeat(257),
  "##[add-path]/tmp",
  "::add-path::/tmp",
  "\u001b[31m",
];

test.each(hostile)("lock stated: %j is left out", (text) => {
  expect(statedOf([at({ version: text, source: text, licenses: text })])).toBeUndefined();
});

test.each([
  "https://github.com/acme/tool",
  "https://git.example:8443/a/b.git?ref=v1#readme",
  "git@github.com:acme/tool.git",
])("lock stated: %s is a source", (text) => expect(isStatedSource(text)).toBe(true));

test.each([
  "https://x/$(id)",
  "https://x/`id`",
  "https://x/'",
  'https://x/"',
  "https://x/ y",
  "a;b",
  "a|b",
  "-x",
  "<x>",
  "a\\b",
])("lock stated: %s is no source", (text) => expect(isStatedSource(text)).toBe(false));

test("lock stated: what is taken can be written into a lock and read again", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ maxLength: 300 }),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
  );
  let taken = 0;
  const property = fc.property(text, text, (one, other) => {
    const stated = statedOf([at({ version: one, source: other }, { licenses: one })]);
    if (stated === undefined) return;
    taken += 1;
    const lock = { version: 1, tools: { tool: { reference: "h.io/a:{platform}", platforms: {}, stated } } };
    expect(parseLock(JSON.stringify(lock), "lock").tools.tool?.stated).toEqual(stated);
  });
  fc.assert(property, { numRuns: atLeast(25_000), seed });
  expect(taken).toBeGreaterThan(1000);
});

interface Statement {
  readonly version: string;
  readonly source?: string;
}

async function push(project: LayoutProject, tag: string, { version, source }: Statement): Promise<void> {
  writeFileSync(join(project.dir, "tool"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  const stated = [`${prefix}version=${version}`, ...(source === undefined ? [] : [`${prefix}source=${source}`])];
  const annotations = stated.flatMap((one) => ["--annotation", one]);
  await succeeding(project.oras(["push", `oci:layout:${tag}`, "tool", ...annotations]));
}

test.each([
  ["of one platform", ["provenance: a (b)"], "provenance"],
  ["the lowest of all platforms", ["provenance: a (b)", "checksum: sha512", "signature: a key"], "checksum"],
  ["none on one platform", ["provenance: a (b)", undefined], undefined],
  ["nobody", ["none"], undefined],
  ["another word", ["provenances", "toString", ""], undefined],
])("lock stated: source check, %s", (_, texts, expected) => {
  const key = annotationKeys.sourceCheck;
  const platforms = texts.map((text) => ({
    // An index is not what an import writes this into.
    rootAnnotations: texts.length === 1 ? {} : { [key]: "provenance: of the index" },
    manifest: { annotations: text === undefined ? {} : { [key]: text } },
  }));
  expect(statedOf(platforms)?.sourceCheck).toBe(expected);
});

test("lock stated: a source that vouches for less is refused until it is named, and the table shows it", async () => {
  const project = await layoutProject();
  const imported = async (level: string | undefined): Promise<void> => {
    const name = level ?? "nothing";
    writeFileSync(join(project.dir, "tool"), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
    const annotation = level === undefined ? [] : ["--annotation", `${annotationKeys.sourceCheck}=${level}: somebody`];
    await succeeding(project.oras(["push", "oci:layout:a", "tool", ...annotation]));
  };
  await imported("provenance");
  await succeeding(project.oras(["lock", "add", "a", "oci:layout:a"]));
  expect(statedIn(project, "a")).toEqual({ sourceCheck: "provenance" });
  for (const [level, now, word] of [
    ["signature", "signature", "signature"],
    ["checksum", "checksum", "checksum"],
    ["none", "none", "unchecked"],
    [undefined, "none", "unchecked"],
  ] as const) {
    await imported(level);
    const before = lockOf(project);
    for (const command of [
      ["lock", "update"],
      ["lock", "update", "--accept-source", "none"],
      ["lock", "update", "--accept-source", "provenance"],
      ["lock", "add", "a", "oci:layout:a"],
    ]) {
      const refused = await project.oras(command);
      expect([refused.exitCode, refused.stderr], command.join(" ")).toEqual([
        65,
        expect.stringContaining(`error[SOURCE_CHANGED]: a: its source vouches for less: provenance → ${now}`),
      ]);
      expect(refused.stderr).toContain(`add --accept-source ${word} to accept`);
      expect(lockOf(project)).toBe(before);
    }
    const accepted = await project.oras(["lock", "update", "--accept-source", word]);
    expect([accepted.exitCode, accepted.stdout]).toEqual([0, expect.stringMatching(/source check +provenance → /)]);
    writeFileSync(join(project.dir, "oras.lock.json"), before);
  }
  // More than before, and the same level, need nobody's word.
  await imported("checksum");
  await succeeding(project.oras(["lock", "update", "--accept-source", "checksum"]));
  await imported("provenance");
  await succeeding(project.oras(["lock", "update"]));
  expect(statedIn(project, "a")).toEqual({ sourceCheck: "provenance" });
});

const lockOf = ({ dir }: LayoutProject): string => readFileSync(join(dir, "oras.lock.json"), "utf8");
const statedIn = (project: LayoutProject, tool: string) => parseLock(lockOf(project), "lock").tools[tool]?.stated;

const [here, there] = ["https://git.example/acme/tool", "https://git.example/mallory/tool?x=1&y"];

test("lock stated: a changed source is refused until it is named, by update and add, and a dry run says so", async () => {
  const project = await layoutProject();
  await push(project, "a", { version: "1", source: here });
  await push(project, "b", { version: "1", source: here });
  for (const name of ["a", "b"]) await succeeding(project.oras(["lock", "add", name, `oci:layout:${name}`]));
  expect(statedIn(project, "a")).toEqual({ version: "1", source: here });
  await push(project, "a", { version: "2", source: there });
  await push(project, "b", { version: "2" });
  const before = lockOf(project);
  for (const command of [
    ["lock", "update"],
    ["lock", "update", "--dry-run"],
    ["lock", "update", "--accept-source", there],
    ["lock", "update", "--accept-source", "none"],
    ["lock", "add", "a", "oci:layout:a"],
  ]) {
    const refused = await project.oras(command);
    expect(refused.exitCode, command.join(" ")).toBe(65);
    expect(refused.stderr).toContain("SOURCE_CHANGED");
    expect(lockOf(project)).toBe(before);
  }
  const refused = await project.oras(["lock", "update"]);
  expect(refused.stderr).toContain(`a: the source that the publisher states has changed: ${here} → ${there}`);
  expect(refused.stderr).toContain(`b: the source that the publisher states has changed: ${here} → none`);
  expect(refused.stderr).toContain("add --accept-source SOURCE --accept-source none to accept");
  const only = await project.oras(["lock", "update", "--only", "a", "--accept-source", there]);
  expect(only.exitCode, only.stderr).toBe(0);
  expect([statedIn(project, "a")?.source, statedIn(project, "b")?.source]).toEqual([there, here]);
  const added = await project.oras(["lock", "add", "b", "oci:layout:b", "--accept-source", "none"]);
  expect(added.exitCode, added.stderr).toBe(0);
  expect(statedIn(project, "b")).toEqual({ version: "2" });
  // A source that is stated for the first time is no change.
  await push(project, "b", { version: "3", source: there });
  await succeeding(project.oras(["lock", "update"]));
  expect((await project.oras(["lock", "update", "--accept-source", "$(id)"])).exitCode).toBe(64);
});

test("lock update: a dry run says what would change, needs no right to write, and changes nothing", async () => {
  const project = await layoutProject();
  await push(project, "a", { version: "1", source: here });
  await succeeding(project.oras(["lock", "add", "a", "oci:layout:a"]));
  await push(project, "a", { version: "2", source: here });
  const before = lockOf(project);
  const dry = await project.oras(["lock", "update", "--only", "a", "--dry-run", "--json"]);
  expect(JSON.parse(dry.stdout)).toMatchObject({
    dryRun: true,
    tools: [
      {
        change: "updated",
        stated: { version: "2", source: here, licenses: null, sourceCheck: null },
        previousStated: { version: "1", source: here, licenses: null, sourceCheck: null },
      },
    ],
  });
  expect((await project.oras(["lock", "update", "--dry-run"])).stderr).toContain("Nothing is written");
  expect(lockOf(project)).toBe(before);
});

test("lock check --online: statements that the publisher does not make are found, in an index and in a manifest", async () => {
  const project = await layoutProject();
  await push(project, "a", { version: "1", source: here });
  const paths = ["--platform", "linux-x86_64=linux-x86_64/tool", "--platform", "darwin-arm64=darwin-arm64/tool"];
  await succeeding(project.oras(["push", "oci:layout:b", ...paths, "--annotation", `${prefix}source=${here}`]));
  for (const name of ["a", "b"]) await succeeding(project.oras(["lock", "add", name, `oci:layout:${name}`]));
  const before = lockOf(project);
  await succeeding(project.oras(["lock", "check", "--online"]));
  for (const tool of ["a", "b"]) {
    const lock = parseLock(before, "lock");
    const { [tool]: locked } = lock.tools;
    if (locked === undefined) throw new Error(`no tool ${tool}`);
    const changed = { ...locked, stated: { ...locked.stated, source: there } };
    const file = join(project.dir, "oras.lock.json");
    writeFileSync(file, formatLock({ ...lock, tools: { ...lock.tools, [tool]: changed } }));
    const found = await project.oras(["lock", "check", "--online"]);
    expect(found.exitCode).toBe(78);
    expect(found.stderr).toContain(`the tool ${tool} has the source ${there}, and its publisher states ${here}`);
  }
});
