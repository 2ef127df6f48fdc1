/** Whoever wrote an artifact, a manifest, a title or an answer: none of it makes the terminal do or show anything of its own. */

import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";

/** Everything that a terminal acts upon, or that hides or turns round what stands beside it. */
const hidden = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
const attacks = [
  "\x1b]0;title\x07\x1b[2J\x1b[1A",
  "\x9b2J\x9d0;title\x9c",
  "\u202egnp.exe\u2066\u200f\u061c",
  "\rDigest: sha256:evil",
  "\nDigest: sha256:evil",
  "\u2028Digest: sha256:evil\u0085Digest: sha256:evil",
  "\u200b\u2060\ufeff\u{e0041}\u3164\b\x7f\0",
];
const evil = attacks.join("");
const evilAnnotations = { [`key${evil}`]: `value${evil}`, plain: "text" };
const fakeLine = /^Digest: sha256:evil/m;

/**
 * A registry whose only artifact is `manifest`, with the bytes `x`; without one its every answer is an error with `message`.
 *
 * @returns `HOST:PORT/t/x`
 */
async function serve(answer: { readonly manifest?: object; readonly message?: string }): Promise<string> {
  const server = createServer((request, response) => {
    if (answer.manifest !== undefined && request.url?.includes("/blobs/")) response.end("x");
    else if (answer.manifest !== undefined && request.url?.includes("/manifests/")) {
      response.setHeader("content-type", "application/vnd.oci.image.manifest.v1+json");
      response.end(JSON.stringify(answer.manifest));
    } else {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "DENIED", message: answer.message ?? "" }] }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}/t/x`;
}

function manifestWith(title: string, annotations: Readonly<Record<string, string>> = evilAnnotations): object {
  const bytes = { mediaType: "application/octet-stream", digest: sha256("x"), size: 1 };
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: `application/x${evil}`,
    config: { ...bytes, mediaType: "application/vnd.oci.empty.v1+json" },
    layers: [{ ...bytes, annotations: { "org.opencontainers.image.title": title } }],
    annotations,
  };
}

describe("what a publisher wrote", () => {
  test("info: no value begins a line, or reaches the terminal as more than text", async () => {
    const repository = await serve({ manifest: manifestWith(`tool${evil}`) });
    const ran = await oras(["info", `${repository}:1`], { cwd: temporaryFolder() });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).not.toMatch(hidden);
    expect(ran.stdout).not.toMatch(fakeLine);
    // Seen for what it is, and in one line.
    expect(ran.stdout).toContain("value\\x1b]0;title\\x07\\x1b[2J");
    expect(ran.stdout).toContain("\\u202egnp.exe");
    expect(ran.stdout).toContain("\\nDigest: sha256:evil");
    expect(ran.stdout.split("\n").filter((line) => line.startsWith("Digest: "))).toHaveLength(1);
    expect(ran.stdout.trimEnd().split("\n")).toHaveLength(9);
  });

  test("--json: the same values, written in escapes", async () => {
    const repository = await serve({ manifest: manifestWith(`tool${evil}`) });
    const ran = await oras(["info", `${repository}:1`, "--json"], { cwd: temporaryFolder() });
    expect(ran.stdout).not.toMatch(hidden);
    expect(ran.stdout.trimEnd()).not.toContain("\n");
    const json = JSON.parse(ran.stdout);
    expect(json.annotations[`key${evil}`]).toBe(`value${evil}`);
    expect(json.platforms[0].layers[0].title).toBe(`tool${evil}`);
  });

  test.each([...attacks.entries()])("pull: hostile title %i is refused, and nothing is written", async (_, attack) => {
    const repository = await serve({ manifest: manifestWith(`tool${attack}`) });
    const cwd = temporaryFolder();
    const ran = await oras(["pull", `${repository}:1`, "-o", "out", "--cache-dir", "cache", "--verbose"], { cwd });
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toContain("ARCHIVE_UNSAFE");
    expect(ran.stderr).not.toMatch(hidden);
    expect(ran.stderr).not.toMatch(fakeLine);
    expect(readdirSync(cwd)).not.toContain("out");
  });
});

describe("what a registry says", () => {
  test("an error's text is one line in the message, its causes, and as JSON", async () => {
    const repository = await serve({ message: evil });
    for (const args of [
      ["list", repository],
      ["list", repository, "--verbose"],
      ["list", repository, "--json"],
    ]) {
      const ran = await oras(args, { cwd: temporaryFolder() });
      expect(ran.exitCode).toBe(69);
      expect(ran.stderr + ran.stdout).not.toMatch(hidden);
      expect(ran.stderr + ran.stdout).not.toMatch(fakeLine);
      expect(ran.stderr + ran.stdout).toContain("sha256:evil");
    }
  });
});

describe("a runner of CI reads the log, and obeys what it finds there", () => {
  /** Anywhere in a line (Azure Pipelines, GitHub Actions, TeamCity); at its beginning, after blanks (GitHub Actions). */
  const obeyed = /##[a-z]*\[|^\s*::.*::/im;
  const commands = [
    "##vso[task.prependpath]/tmp/evil",
    "##VSO[task.setvariable variable=PATH]/tmp/evil",
    "##[add-path]/tmp/evil",
    "###[group]x",
    "##teamcity[setParameter name='env.PATH' value='/tmp/evil']",
    "::add-path::/tmp/evil",
    " \u00a0::set-env name=PATH::/tmp/evil",
  ];
  const annotations = Object.fromEntries(commands.map((command) => [command, command]));

  test("info: titles and annotations are no commands; --json has the same values", async () => {
    for (const command of commands) {
      const repository = await serve({ manifest: manifestWith(command, annotations) });
      const ran = await oras(["info", `${repository}:1`], { cwd: temporaryFolder() });
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stdout + ran.stderr).not.toMatch(obeyed);
      expect(ran.stdout).toContain("\\x23#vso[task.prependpath]/tmp/evil");
      expect(ran.stdout).toContain("\\x3a:add-path::/tmp/evil");
      const asJson = await oras(["info", `${repository}:1`, "--json"], { cwd: temporaryFolder() });
      expect(asJson.stdout).not.toMatch(obeyed);
      const json = JSON.parse(asJson.stdout);
      expect(json.annotations).toEqual(annotations);
      expect(json.platforms[0].layers[0].title).toBe(command);
    }
  });

  test("pull: the name of a placed file is none; the file has its name", async () => {
    const title = "##vso[task.prependpath]/tmp/evil";
    const cwd = temporaryFolder();
    const repository = await serve({ manifest: manifestWith(title) });
    const ran = await oras(["pull", `${repository}:1`, "-o", "out", "--cache-dir", "cache", "--verbose"], { cwd });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    expect(ran.stdout + ran.stderr).not.toMatch(obeyed);
    expect(readdirSync(join(cwd, "out"))).toEqual(["##vso[task.prependpath]"]);
  });

  test.each(commands)("an error's text %j is none", async (message) => {
    const repository = await serve({ message });
    for (const more of [[], ["--verbose"], ["--json"]]) {
      const ran = await oras(["list", repository, ...more], { cwd: temporaryFolder() });
      expect(ran.exitCode).toBe(69);
      expect(ran.stdout + ran.stderr).not.toMatch(obeyed);
    }
  });

  test("ordinary text stays as it is", async () => {
    const plain = { "std::string": "a::b::c", "## heading": "#1 ##", "x ::": "[#2](#a) ##2 [x]", list: "::1" };
    const repository = await serve({ manifest: manifestWith("C##", plain) });
    const ran = await oras(["info", `${repository}:1`], { cwd: temporaryFolder() });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    for (const text of ["C##", ...Object.entries(plain).flat()]) expect(ran.stdout).toContain(text);
  });
});
