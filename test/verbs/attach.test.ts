/** `attach`: one referrer for a file, which other clients find and pull. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { attachSchema } from "../../src/cli/schemas/published.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { findProgram, requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import type { Ran } from "../support/run.ts";

type Attached = v.InferOutput<typeof attachSchema>;

const spdx = JSON.stringify({ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", name: "tool", packages: [] });
const cyclonedx = JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1, components: [] });
const statement = JSON.stringify({
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "tool", digest: { sha256: "0".repeat(64) } }],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: {},
});

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
  readonly attach: (...args: string[]) => Promise<Attached>;
}

function desk(): Desk {
  const dir = temporaryFolder();
  const files = {
    "tool.spdx.json": spdx,
    "bom.json": cyclonedx,
    "statement.json": statement,
    tool: "tool",
    report: "r",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const call: Desk["call"] = (...args) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const attach: Desk["attach"] = async (...args) => {
    const ran = await call("attach", ...args, "--json");
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    return v.parse(attachSchema, JSON.parse(ran.stdout));
  };
  return { dir, call, attach };
}

async function pushTool({ call }: Desk, reference: string): Promise<string> {
  const ran = await call("push", reference, "tool", "--json");
  expect(ran.exitCode, ran.stderr).toBe(0);
  return JSON.parse(ran.stdout).digest;
}

describe.for(realRegistries)("a file attached on %s", (name) => {
  test("is found and pulled by `oras`, and seen by `crane`", async (context) => {
    const program = requireProgram(context, "oras");
    const host = await startRealRegistry(name, context);
    const own = desk();
    const subject = await pushTool(own, `${host}/t/tool:1`);
    const first = await own.attach(`${host}/t/tool:1`, "tool.spdx.json", "--annotation", "a.b=c");
    expect(first).toMatchObject({ subject, artifactType: "application/spdx+json", size: spdx.length, isNew: true });
    const second = await own.attach(`${host}/t/tool@${subject}`, "bom.json", "--artifact-type", "cyclonedx");

    const listed = execFileSync(program, ["discover", "--plain-http", "--format", "json", `${host}/t/tool:1`]);
    const { referrers } = JSON.parse(String(listed));
    const brief = (referrers as readonly Record<string, unknown>[]).map((one) => [one.artifactType, one.digest]).sort();
    expect(brief).toEqual([
      ["application/spdx+json", first.digest],
      ["application/vnd.cyclonedx+json", second.digest],
    ]);
    execFileSync(program, ["pull", "--plain-http", `${host}/t/tool@${first.digest}`, "-o", "out"], { cwd: own.dir });
    expect(readFileSync(join(own.dir, "out/tool.spdx.json"), "utf8")).toBe(spdx);

    const crane = findProgram("crane");
    if (crane === undefined) return;
    const manifest = JSON.parse(String(execFileSync(crane, ["manifest", `${host}/t/tool@${first.digest}`])));
    expect(manifest.annotations).toEqual({ "a.b": "c" });
    expect(manifest.subject.digest).toBe(subject);
  });

  test("twice is one referrer, with the same digest", async (context) => {
    const host = await startRealRegistry(name, context);
    const own = desk();
    await pushTool(own, `${host}/t/tool:1`);
    const first = await own.attach(`${host}/t/tool:1`, "tool.spdx.json");
    const again = await own.attach(`${host}/t/tool:1`, "tool.spdx.json");
    expect(again).toEqual({ ...first, isNew: false });
    const ran = await own.call("attach", `${host}/t/tool:1`, "tool.spdx.json");
    expect(ran.stdout).toBe(`Already attached: ${first.digest}\n`);
    expect(ran.stderr).toContain(`Subject: ${first.subject}\n`);
  });
});

describe("attach: the type", () => {
  test.for([
    ["tool.spdx.json", [], "application/spdx+json", "application/spdx+json"],
    ["bom.json", ["--artifact-type", "cyclonedx"], "application/vnd.cyclonedx+json", "application/vnd.cyclonedx+json"],
    ["statement.json", [], "application/vnd.in-toto+json", "application/vnd.in-toto+json"],
    ["report", ["--artifact-type", "text/x-report"], "text/x-report", "text/x-report"],
    ["bom.json", ["--artifact-type", "x/bom"], "x/bom", "application/vnd.cyclonedx+json"],
    ["bom.json", ["--artifact-type", "x/bom", "--media-type", "x/y"], "x/bom", "x/y"],
  ] as const)("of %s with %j is %s, and the layer's is %s", async ([file, options, artifactType, mediaType]) => {
    const own = desk();
    await pushTool(own, "oci:layout:1");
    expect(await own.attach("oci:layout:1", file, ...options)).toMatchObject({ artifactType, mediaType });
  });

  test.for([
    ["report", [], /content of report does not show its type/, /--artifact-type application\/spdx\+json/],
    ["report", ["--artifact-type", "spdx"], /report is no spdx: the content shows none/, /whole media type/],
    ["bom.json", ["--artifact-type", "spdx"], /bom\.json is no spdx: the content shows cyclonedx/, /leave out/],
    ["bom.json", ["--artifact-type", "spdxx"], /"spdxx" is no artifact type/, /write spdx, or/],
    ["bom.json", ["--artifact-type", "a/b c"], /"a\/b c" is no artifact type/, /media type such as/],
    ["bom.json", ["--media-type", "json"], /"json" is no media type/, /media type such as/],
  ] as const)("of %s with %j is refused before anything is sent", async ([file, options, message, hint]) => {
    const own = desk();
    await pushTool(own, "oci:layout:1");
    const before = readFileSync(join(own.dir, "layout/index.json"), "utf8");
    const ran = await own.call("attach", "oci:layout:1", file, ...options, "--json");
    expect(ran.exitCode).toBe(64);
    const { error } = JSON.parse(ran.stdout);
    expect([error.message, error.hint]).toEqual([expect.stringMatching(message), expect.stringMatching(hint)]);
    expect(readFileSync(join(own.dir, "layout/index.json"), "utf8")).toBe(before);
  });
});

describe("attach: the artifact", () => {
  test("a platform of an index: the referrer refers to the platform's manifest", async () => {
    const own = desk();
    const ran = await own.call("push", "oci:layout:1", "--platform", "linux-x86_64=tool", "--json");
    const { digest, platforms } = JSON.parse(ran.stdout);
    expect((await own.attach("oci:layout:1", "bom.json")).subject).toBe(digest);
    const one = await own.attach("oci:layout:1", "bom.json", "--platform", "linux-x86_64");
    expect(one.subject).toBe(platforms[0].digest);
    const missing = await own.call("attach", "oci:layout:1", "bom.json", "--platform", "darwin-arm64");
    expect([missing.exitCode, missing.stderr]).toEqual([66, expect.stringContaining("linux-x86_64")]);
  });

  test("one that is missing, or a folder for a file: refused, and nothing is written", async () => {
    const own = desk();
    await pushTool(own, "oci:layout:1");
    mkdirSync(join(own.dir, "folder"));
    const absent = await own.call("attach", `oci:layout@sha256:${"0".repeat(64)}`, "bom.json");
    expect([absent.exitCode, absent.stderr]).toEqual([66, expect.stringContaining("not found")]);
    const folder = await own.call("attach", "oci:layout:1", "folder");
    expect([folder.exitCode, folder.stderr]).toEqual([64, expect.stringContaining("folder is a folder")]);
    const file = await own.call("attach", "oci:layout:1", "bon.json");
    expect([file.exitCode, file.stderr]).toEqual([66, expect.stringContaining("file not found: bon.json")]);
  });
});
