/** What sources vouch for, from the clients to the manifest: recorded, demanded, refused. */
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, onTestFinished, test } from "vitest";
import { importSchema } from "../../src/cli/schemas/published.ts";
import { isExcluded } from "../../src/importers/go-checksums.ts";
import { digestOf } from "../../src/model/digest.ts";
import { type RawZipEntry, rawZip } from "../archive/raw-zip.ts";
import { temporaryFolder } from "../support/folders.ts";
import { goProxy, modulePath } from "../support/go-proxy.ts";
import { type ImportDesk, importDesk } from "../support/import-desk.ts";
import { defaultIssuer, defaultSubject, keyless, type Wish } from "../support/keyless.ts";
import { type Archive, type Published, startNpmRegistry } from "../support/npm-registry.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

const world = keyless();
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keyid = "SHA256:test";
const part = "tool-linux-x64@1.0.0";
const path = `/-/npm/v1/attestations/${part}`;
const predicate = { buildDefinition: { externalParameters: {}, resolvedDependencies: [] } };

/** npm's answer about attestations of the archive. */
function answerFor({ sha512 }: Archive, { wish = {}, name = `pkg:npm/${part}`, copies = 1 } = {} as Attested): string {
  const statement = { predicateType: "https://slsa.dev/provenance/v1", predicate };
  const subject = [{ name, digest: { sha512 } }];
  const bundle = JSON.parse(
    world.sign(digestOf("x"), { ...wish, statement: { ...statement, subject, ...wish.statement } }),
  );
  const one = { predicateType: statement.predicateType, bundle };
  return JSON.stringify({ attestations: Array(copies).fill(one) });
}

interface Attested {
  readonly wish?: Wish;
  readonly name?: string;
  readonly copies?: number;
}

function attested(more?: Attested): NonNullable<Published["vouched"]> {
  return (archive) => ({
    dist: { attestations: { url: `https://other.example${path}`, provenance: {} } },
    answers: { [path]: answerFor(archive, more) },
  });
}

function signed(text = (integrity: string) => `${part}:${integrity}`): NonNullable<Published["vouched"]> {
  return ({ integrity }) => ({
    dist: { signatures: [{ keyid, sig: sign("sha256", Buffer.from(text(integrity)), privateKey).toString("base64") }] },
  });
}

interface NpmDesk extends ImportDesk {
  readonly run: (options: readonly string[], more?: Readonly<Record<string, string>>) => Promise<Ran>;
  readonly root: string;
  readonly keys: string;
}

async function npmDesk(vouched: Published["vouched"]): Promise<NpmDesk> {
  const server = await startNpmRegistry(vouched === undefined ? {} : { vouched });
  const desk = importDesk();
  const [root, keys] = [join(desk.dir, "root.json"), join(desk.dir, "keys.json")];
  writeFileSync(root, world.root);
  const key = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  writeFileSync(keys, JSON.stringify({ keys: [{ keyid, keytype: "ecdsa-sha2-nistp256", key, expires: null }] }));
  const env = {
    npm_config_registry: `http://${server.host}`,
    npm_config_cache: temporaryFolder(),
    npm_config_userconfig: "/dev/null",
  };
  const always = ["import", "npm:tool@1.0.0", "oci:layout:1", "--platform", "linux-x86_64"];
  return {
    ...desk,
    root,
    keys,
    run: (options, more) => desk.call([...always, ...options], { env: { ...env, ...more } }),
  };
}

function sourceIn(ran: Ran) {
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
  return v.parse(importSchema, JSON.parse(ran.stdout)).platforms[0]?.source;
}

describe("npm", () => {
  test("provenance is verified, recorded and shown", async (context) => {
    requireProgram(context, "npm");
    const { run, root, call, dir } = await npmDesk(attested());
    const ran = await run(["--trust-root", root, "--require-source", "provenance", "--provenance"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const by = `${defaultSubject} (${defaultIssuer})`;
    expect(ran.stderr).toContain(`Source: provenance (${by})\n`);
    const { stdout } = await call(["info", "oci:layout:1", "--json"]);
    expect(stdout).toContain(`"dev.buck2-oras.source-check":"provenance: ${by}"`);
    // The statement says the same of its input.
    const blobs = join(dir, "layout", "blobs", "sha256");
    const texts = readdirSync(blobs).map((name) => readFileSync(join(blobs, name), "utf8"));
    const statement = JSON.parse(texts.find((text) => text.includes("in-toto.io/Statement")) ?? "{}");
    const [input] = statement.predicate.buildDefinition.resolvedDependencies;
    expect(input.annotations).toEqual({ "dev.buck2-oras.source-check": `provenance: ${by}` });
    expect(sourceIn(await run(["--trust-root", root, "--json"]))).toMatchObject({
      level: "provenance",
      by,
      build: { subject: defaultSubject, issuer: defaultIssuer, time: "2026-03-01T12:01:00.000Z" },
      notes: [],
    });
  });

  // Artifactory and Nexus serve npm's registry below a path (pacote#450).
  test.each([
    ["of the registry behind it", ""],
    ["below its path", "/api/npm/mirror"],
  ])("provenance is found at a mirror below a path that states an address %s", async (_, stated) => {
    const { run, root } = await npmDesk((archive) => ({
      dist: {
        tarball: `http://${archive.host}/api/npm/mirror/tool-linux-x64/-/tool-linux-x64-1.0.0.tgz`,
        attestations: { url: `https://other.example${stated}${path}` },
      },
      answers: { [`/api/npm/mirror${path}`]: answerFor(archive) },
    }));
    expect(sourceIn(await run(["--trust-root", root, "--json"]))).toMatchObject({ level: "provenance", notes: [] });
  });

  test("without a trust root it is there, and not verified; who demands it is refused, and nothing is pushed", async (context) => {
    requireProgram(context, "npm");
    const { run, dir } = await npmDesk(attested());
    const refused = await run(["--require-source", "provenance"]);
    expect(refused.exitCode, refused.stderr).toBe(65);
    expect(refused.stderr).toContain(
      "error[SOURCE_REFUSED]: --require-source demands provenance of npm:tool@1.0.0 (linux-x86_64): its source gives a checksum alone",
    );
    expect(refused.stderr).toContain("--trust-root FILE");
    expect(existsSync(join(dir, "layout", "index.json"))).toBe(false);
    const ran = await run(["--require-source", "checksum"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr.match(/^Source: .*$/gm)).toEqual([
      "Source: checksum alone (sha512 stated by npm's registry); provenance is there and not verified: name a trust root (--trust-root FILE)",
    ]);
  });

  test.each<[string, Attested]>([
    ["of another version", { name: "pkg:npm/tool-linux-x64@1.0.1" }],
    ["of other bytes", { wish: { statement: { subject: [{ name: `pkg:npm/${part}`, digest: { sha512: "00" } }] } } }],
    ["that no log knows", { wish: { withoutEntry: true } }],
    ["33 times", { copies: 33 }],
  ])("an attestation %s is an error, whatever is demanded", async (_, more) => {
    const { run, root, dir } = await npmDesk(attested(more));
    const ran = await run(["--trust-root", root]);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toContain("error[IMPORT_CONTENT_INVALID]");
    expect(existsSync(join(dir, "layout", "index.json"))).toBe(false);
  });

  test.each<[string, NonNullable<Published["vouched"]>, string]>([
    [
      "that is gone",
      () => ({ dist: { attestations: { url: `https://x.example${path}` } } }),
      "answers with status 404",
    ],
    [
      "whose address leads to another host",
      () => ({
        dist: { attestations: { url: `https://x.example${path}` } },
        answers: { [path]: { location: "http://127.0.0.1:1/evil" } },
      }),
      "redirects a request to http://127.0.0.1:1",
    ],
    [
      "whose address is of another version",
      () => ({ dist: { attestations: { url: `https://x.example${path}9` } } }),
      "has no address of this version",
    ],
    [
      "of 5 MB",
      () => ({
        dist: { attestations: { url: `https://x.example${path}` } },
        answers: { [path]: " ".repeat(5_000_000) },
      }),
      "is over 4194304 bytes",
    ],
  ])("an attestation %s is missing: said once, and no provenance", async (_, vouched, why) => {
    const { run, root } = await npmDesk(vouched);
    const ran = await run(["--trust-root", root]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toMatch(/^Source: checksum alone .*; the attestation of tool-linux-x64 /m);
    expect(ran.stderr.split(why)).toHaveLength(2);
    expect((await run(["--trust-root", root, "--require-source", "provenance"])).exitCode).toBe(65);
  });

  test("the registry's signature counts with its key; of another text it is an error", async (context) => {
    requireProgram(context, "npm");
    const good = await npmDesk(signed());
    expect(sourceIn(await good.run(["--registry-keys", good.keys, "--json"]))).toMatchObject({
      level: "signature",
      by: `registry's key ${keyid}`,
    });
    expect((await good.run(["--require-source", "signature"])).stderr).toContain("--registry-keys FILE");
    const bad = await npmDesk(signed((integrity) => `tool-linux-x64@1.0.1:${integrity}`));
    const ran = await bad.run(["--registry-keys", bad.keys]);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toContain("the registry's signature does not hold");
  });
});

describe("policies", () => {
  /** Writes the configuration files. @returns The environment of the user's. */
  function configured({ dir }: ImportDesk, user: readonly object[], project: readonly object[] = []) {
    const home = join(dir, "home");
    mkdirSync(join(home, "buck2-oras"), { recursive: true });
    writeFileSync(join(home, "buck2-oras", "config.json"), JSON.stringify({ policies: user }));
    writeFileSync(join(dir, ".buckconfig"), "");
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ policies: project }));
    return { XDG_CONFIG_HOME: home };
  }

  test("a policy of the user demands a source, of `import` and of `push`", async () => {
    const desk = importDesk();
    writeFileSync(join(desk.dir, "tool"), "#!/bin/sh\n");
    const env = configured(desk, [{ prefix: "*", source: "checksum" }]);
    for (const args of [
      ["import", "file:tool", "oci:layout:1"],
      ["push", "oci:layout:1", "tool"],
    ]) {
      const ran = await desk.call(args, { env });
      expect(ran.exitCode, ran.stderr).toBe(65);
      expect(ran.stderr).toMatch(
        /error\[SOURCE_REFUSED\]: the policy for \* in \S+config\.json demands a checksum of .*: nobody vouches for it/,
      );
      expect(ran.stderr).toContain("a URL with --digest");
      expect(existsSync(join(desk.dir, "layout", "index.json"))).toBe(false);
    }
    const other = configured(desk, [{ prefix: "ghcr.io", source: "checksum" }]);
    expect((await desk.call(["push", "oci:layout:1", "tool"], { env: other })).exitCode).toBe(0);
  });

  test("a policy that warns lets the artifact pass, with one warning", async () => {
    const desk = importDesk();
    writeFileSync(join(desk.dir, "tool"), "#!/bin/sh\n");
    const env = configured(desk, [{ prefix: "*", source: "provenance", action: "warn" }]);
    const ran = await desk.call(["import", "file:tool", "oci:layout:1"], { env });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr.match(/warning: the policy for \* /g)).toHaveLength(1);
  });

  test("the project's trust root vouches for the project's demand alone", async (context) => {
    requireProgram(context, "npm");
    const desk = await npmDesk(attested());
    const provenance = { prefix: "*", source: "provenance" };
    const run = (env: Record<string, string>) => desk.run([], env);
    const trusted = await run(configured(desk, [{ ...provenance, trustRoot: desk.root }]));
    expect(trusted.exitCode, trusted.stderr).toBe(0);
    expect(trusted.stderr).toContain("Source: provenance (");
    const own = await run(configured(desk, [provenance], [{ ...provenance, trustRoot: "root.json" }]));
    expect(own.exitCode, own.stderr).toBe(65);
    expect(own.stderr).toMatch(/the policy for \* in \S+config\.json demands provenance/);
    const project = await run(configured(desk, [], [{ ...provenance, trustRoot: "root.json" }]));
    expect(project.exitCode, project.stderr).toBe(0);
    // What is recorded is never by the project's root.
    expect(project.stderr).toContain("Source: checksum alone");
    const gone = await run(configured(desk, [{ ...provenance, trustRoot: "/nowhere/root.json" }]));
    expect(gone.exitCode, gone.stderr).toBe(78);
    expect(gone.stderr).toContain("error[CONFIG_INVALID]: the policy for *");
  });
});

/** A wheel for Linux, on an index that states its checksum, and its attestation as PEP 740 has it. */
async function pypiDesk(more: Attested & { readonly isStated?: boolean } = {}) {
  const name = "tool-1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
  const elf = Buffer.alloc(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(0x3e, 18);
  const entries: RawZipEntry[] = [
    { name: "tool-1.0.data/scripts/tool", body: elf, unixMode: 0o100755 },
    { name: "tool-1.0.dist-info/METADATA", body: "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n" },
    { name: "tool-1.0.dist-info/WHEEL", body: "Wheel-Version: 1.0\nTag: py3-none-manylinux2014_x86_64\n" },
    { name: "tool-1.0.dist-info/RECORD", body: "" },
  ];
  const wheel = rawZip(...entries);
  const sha256 = createHash("sha256").update(wheel).digest("hex");
  const subject = [{ name: more.name ?? name, digest: { sha256 } }];
  const publish = "https://docs.pypi.org/attestations/publish/v1";
  const statement = { subject, predicateType: publish, predicate: null, ...more.wish?.statement };
  const { verificationMaterial, dsseEnvelope } = JSON.parse(world.sign(digestOf("x"), { ...more.wish, statement }));
  const attestation = {
    version: 1,
    verification_material: {
      certificate: verificationMaterial.certificate.rawBytes,
      transparency_entries: verificationMaterial.tlogEntries,
    },
    envelope: { statement: dsseEnvelope.payload, signature: dsseEnvelope.signatures[0].sig },
  };
  const provenance = { version: 1, attestation_bundles: [{ publisher: { kind: "x" }, attestations: [attestation] }] };
  const server = await startServer((request, response, { host }) => {
    if (request.url === `/${name}`) return void response.end(wheel);
    if (request.url === "/integrity") return void response.end(JSON.stringify(provenance));
    const file = {
      filename: name,
      url: `http://${host}/${name}`,
      hashes: more.isStated === false ? {} : { sha256 },
      provenance: `http://${host}/integrity`,
    };
    response.writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" });
    response.end(JSON.stringify({ meta: { "api-version": "1.1" }, name: "tool", files: [file] }));
  });
  const desk = importDesk();
  const root = join(desk.dir, "root.json");
  writeFileSync(root, world.root);
  const env = {
    PIP_INDEX_URL: `http://${server.host}/simple`,
    PIP_EXTRA_INDEX_URL: "",
    PIP_FIND_LINKS: "",
    PIP_CONFIG_FILE: "/dev/null",
    PIP_NO_CACHE_DIR: "1",
  };
  const always = ["import", "pypi:tool@1.0", "oci:layout:1", "--platform", "linux-x86_64", "--trust-root", root];
  return { seen: server.seen, run: (...options: string[]) => desk.call([...always, ...options], { env }) };
}

describe("PyPI", () => {
  test("an attestation is verified; no login is sent for it", async (context) => {
    requireProgram(context, "python3");
    const { run, seen } = await pypiDesk();
    const ran = await run("--require-source", "provenance");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(`Source: provenance (${defaultSubject} (${defaultIssuer}))`);
    const [asked] = seen.filter(({ url }) => url === "/integrity");
    expect(asked?.headers.authorization).toBeUndefined();
  });

  test("an attestation that has the file's tags in another order is about the file", async (context) => {
    requireProgram(context, "python3");
    const { run } = await pypiDesk({ name: "tool-1.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl" });
    const ran = await run("--require-source", "provenance");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("Source: provenance (");
  });

  test.each<[string, Attested]>([
    ["of another file", { name: "tool-1.1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl" }],
    ["of fewer tags", { name: "tool-1.0-py3-none-manylinux2014_x86_64.whl" }],
    ["of other bytes", { wish: { statement: { subject: [{ name: "tool", digest: { sha256: "00" } }] } } }],
    ["that no log knows", { wish: { withoutEntry: true } }],
  ])("an attestation %s is an error", async (_, more) => {
    const ran = await (await pypiDesk(more)).run();
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toContain("error[IMPORT_CONTENT_INVALID]");
  });

  test("an index that states no checksum vouches for nothing", async () => {
    const { run } = await pypiDesk({ isStated: false });
    const ran = await run();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("Source: nobody vouches for the bytes");
    expect((await run("--require-source", "checksum")).exitCode).toBe(65);
  });
});

test("Go without its checksum database: nobody vouches, and a demand is refused", async (context) => {
  const go = requireProgram(context, "go");
  const { dir, call } = importDesk();
  // Go makes its modules' folders read-only.
  onTestFinished(() => void execFileSync("chmod", ["-R", "u+w", dir]));
  const cache = execFileSync(go, ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  const files = { "main.go": 'package main\n\nfunc main() { println("hello") }\n' };
  const env = { GOPATH: join(dir, "gopath"), GOCACHE: cache, GOPROXY: goProxy(dir, files), GOSUMDB: "off" };
  const always = ["import", `go:${modulePath}@v1.0.0`, "oci:layout:1", "--platform", "linux-x86_64"];
  const run = (more: Record<string, string>, ...options: string[]) =>
    call([...always, ...options], { env: { ...env, ...more } });
  const off = await run({});
  expect(off.exitCode, off.stderr).toBe(0);
  expect(off.stderr).toContain(
    "Source: nobody vouches for the bytes; Go's settings exclude modules from the checksum database\n",
  );
  // With the database in force, a module that the settings exclude is not vouched for.
  const excluded = await run({ GOSUMDB: "", GONOSUMDB: modulePath }, "--require-source", "checksum");
  expect(excluded.exitCode, excluded.stderr).toBe(65);
  expect(excluded.stderr).toContain("error[SOURCE_REFUSED]");
});

test.each<[string, string, boolean]>([
  ["example.com/a/b", "example.com/a", true],
  ["example.com/a/b", "example.com/a/", true],
  ["example.com/ab", "example.com/a", false],
  ["example.com/a", "example.com/a/b", false],
  ["corp.example.com/x", "*.example.com", true],
  ["a.b.example.com/x", "*.example.com", true],
  ["example.com/x", "other.com,example.com", true],
  ["example.com/x", "", false],
  ["example.com/x", "*", true],
  ["example.com/x", "example.co?", true],
  ["example.com/x", "example.c[o-p]m", true],
  ["example.com/x", "example.c[a-b]m", false],
  ["example.com/x", "example.c[", true],
  ["exampleXcom/x", "example.com", false],
])("Go: %s excluded by %j: %s", (module, patterns, expected) => {
  expect(isExcluded(module, patterns)).toBe(expected);
});
