/** `trust-root`: the trust root over TUF, from a repository on loopback, and what a repository must not do. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import seeds from "@sigstore/tuf/seeds.json" with { type: "json" };
import { Metadata, MetadataKind } from "@tufjs/models";
import { expect, test } from "vitest";
import { publicInstance } from "../../src/signature/public-instance.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { keyless } from "../support/keyless.ts";
import { startServer } from "../support/registry/server.ts";
import { startTufRepository, type TufRepository } from "../support/tuf-repository.ts";

const gone = "2026-01-01T00:00:00Z";

async function desk() {
  const repository = await startTufRepository();
  const dir = temporaryFolder();
  const env = { XDG_CONFIG_HOME: join(dir, "config"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  writeFileSync(join(dir, "first.json"), repository.firstRoot);
  const fetch = (...args: string[]) =>
    oras(["trust-root", "--tuf", repository.url, "--root", "first.json", "-o", "root.json", ...args], {
      cwd: dir,
      env,
    });
  const root = (): string => readFileSync(join(dir, "root.json"), "utf8");
  return { repository, dir, env, fetch, root };
}

test("the trust root is fetched, kept as it is, and renewed over a root with a new key", async () => {
  const { repository, fetch, root } = await desk();
  const [first, second] = [keyless().root, keyless().root];
  repository.publish({ version: 1, trustedRoot: first });
  const ran = await fetch();
  expect([ran.exitCode, ran.stdout]).toEqual([0, expect.stringMatching(/^Trust root: root\.json \(created\)$/m)]);
  expect(root()).toBe(first);
  expect(JSON.parse((await fetch("--json")).stdout)).toMatchObject({ change: "unchanged", version: 1 });

  repository.rotate();
  repository.publish({ version: 2, trustedRoot: second });
  expect(JSON.parse((await fetch("--json")).stdout)).toMatchObject({ change: "updated", version: 2 });
  expect(root()).toBe(second);
});

test("what was fetched proves a keyless signer", async () => {
  const { repository, dir, env, fetch } = await desk();
  const signer = keyless();
  repository.publish({ version: 1, trustedRoot: signer.root });
  expect((await fetch()).exitCode).toBe(0);
  writeFileSync(join(dir, "tool"), "tool");
  const call = (...args: string[]) => oras(args, { cwd: dir, env });
  expect((await call("push", "oci:layout:1", "tool")).exitCode).toBe(0);
  const { digest } = JSON.parse((await call("info", "oci:layout:1", "--json")).stdout);
  writeFileSync(join(dir, "bundle.json"), signer.sign(digest));
  const type = "application/vnd.dev.sigstore.bundle.v0.3+json";
  expect((await call("attach", "oci:layout:1", "bundle.json", "--artifact-type", type)).exitCode).toBe(0);
  const verified = await call(
    ...["verify", "--signature", "oci:layout:1", "--trust-root", "root.json", "--identity", "https://forge.example/**"],
    ...["--issuer", "https://issuer.example", "--offline"],
  );
  expect([verified.exitCode, verified.stdout]).toEqual([0, expect.stringMatching(/Verified: 1 of 1/)]);
});

test("a checkout's link leads the file to no other file of the user's", async () => {
  const { repository, dir, fetch, root } = await desk();
  repository.publish({ version: 1, trustedRoot: keyless().root });
  const outside = temporaryFolder();
  writeFileSync(join(outside, "mine"), "mine");
  symlinkSync(join(outside, "mine"), join(dir, "root.json"));
  symlinkSync(outside, join(dir, "keys"));
  for (const name of ["root.json", "keys/root.json"]) {
    const ran = await fetch("-o", name);
    expect([ran.exitCode, ran.stderr], name).toEqual([74, expect.stringContaining(`${name} leads out of the project`)]);
    expect(readdirSync(outside)).toEqual(["mine"]);
    expect(readFileSync(join(outside, "mine"), "utf8")).toBe("mine");
  }
  rmSync(join(dir, "root.json"));
  writeFileSync(join(dir, "inside.json"), "{}");
  symlinkSync("inside.json", join(dir, "root.json"));
  expect((await fetch()).exitCode).toBe(0);
  expect(root()).toBe(readFileSync(join(dir, "inside.json"), "utf8"));
  // The user's own words.
  expect((await fetch("-o", join(outside, "mine"))).exitCode).toBe(0);
});

/** What a repository may have become since a good fetch. */
const bad: readonly (readonly [string, (repository: TufRepository, next: string) => void, RegExp])[] = [
  [
    "signed by a key that no root names",
    (repository, next) => repository.publish({ version: 2, trustedRoot: next, byStranger: true }),
    /TRUST_ROOT_REFUSED.*signed/i,
  ],
  [
    "older metadata than before",
    (repository, next) => repository.publish({ version: 1, trustedRoot: next }),
    /TRUST_ROOT_REFUSED/,
  ],
  ["a root that is too old", (repository) => repository.rotate(gone), /TRUST_ROOT_REFUSED.*expired[\s\S]*clock/i],
  ...(["timestamp", "snapshot", "targets"] as const).map((role): (typeof bad)[number] => [
    `a ${role} that is too old`,
    (repository, next) => repository.publish({ version: 3, trustedRoot: next, expires: { [role]: gone } }),
    /TRUST_ROOT_REFUSED.*expired[\s\S]*clock/i,
  ]),
  [
    "a trust root of other bytes",
    ({ files }) => {
      for (const name of files.keys()) if (name.startsWith("targets/")) files.set(name, "{}");
    },
    /TRUST_ROOT_REFUSED/,
  ],
  [
    "a trust root that is none",
    (repository) => repository.publish({ version: 3, trustedRoot: "{}" }),
    /TRUST_ROOT_INVALID/,
  ],
  ["no trust root", (repository) => repository.publish({ version: 3, trustedRoot: undefined }), /TRUST_ROOT_REFUSED/],
  ["no JSON", ({ files }) => files.set("timestamp.json", "<html>"), /TRUST_ROOT_REFUSED/],
  ["more than a timestamp has", ({ files }) => files.set("timestamp.json", " ".repeat(2 ** 20)), /over 16384 bytes/],
  ["nothing", ({ files }) => files.clear(), /ARTIFACT_NOT_FOUND/],
];

test.each(bad)("a repository with %s: the file stays as it is, and so does what is kept", async (_, change, error) => {
  const { repository, dir, fetch, root } = await desk();
  const [good, next] = [keyless().root, keyless().root];
  repository.publish({ version: 2, trustedRoot: good });
  expect((await fetch()).exitCode).toBe(0);
  const kept = (): string[] => {
    const folder = join(dir, "config/buck2-oras/tuf");
    return readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map(
        (name) =>
          `${name} ${createHash("sha256")
            .update(readFileSync(join(folder, name)))
            .digest("hex")}`,
      );
  };
  const before = kept();
  expect(before).toHaveLength(4);
  change(repository, next);
  const ran = await fetch();
  expect(ran.exitCode).not.toBe(0);
  expect(ran.stderr).toMatch(error);
  expect(root()).toBe(good);
  expect(kept()).toEqual(before);
});

test("of two at once, the newer metadata wins: kept, and in the file, whoever writes last", async () => {
  const { repository, dir, env } = await desk();
  const [old, renewed] = [keyless().root, keyless().root];
  repository.publish({ version: 1, trustedRoot: old });
  /** Runs while the first command has all answers but its last. */
  let meanwhile: (() => Promise<void>) | undefined;
  const front = await startServer(({ url }, response) => {
    const text = repository.files.get(url.slice(1));
    const isLast = url.includes("trusted_root.json");
    const work = isLast ? meanwhile : undefined;
    if (isLast) meanwhile = undefined;
    void Promise.resolve(work?.()).then(() => response.writeHead(text === undefined ? 404 : 200).end(text));
  });
  const fetch = () =>
    oras(["trust-root", "--tuf", `http://${front.host}/`, "--root", "first.json", "-o", "root.json", "--json"], {
      cwd: dir,
      env,
    });
  meanwhile = async () => {
    repository.rotate();
    repository.publish({ version: 2, trustedRoot: renewed });
    expect(JSON.parse((await fetch()).stdout)).toMatchObject({ change: "created", version: 2 });
  };
  expect(JSON.parse((await fetch()).stdout)).toMatchObject({ version: 2 });
  expect(readFileSync(join(dir, "root.json"), "utf8")).toBe(renewed);
  const tuf = join(dir, "config", "buck2-oras", "tuf");
  const [id = ""] = readdirSync(tuf);
  for (const name of ["root", "timestamp", "snapshot", "targets"]) {
    const kept = JSON.parse(readFileSync(join(tuf, id, `${name}.json`), "utf8"));
    expect(kept.signed.version, name).toBe(2);
  }
});

test("metadata that is kept and damaged is fetched again; a damaged root is named", async () => {
  const { repository, dir, fetch } = await desk();
  repository.publish({ version: 1, trustedRoot: keyless().root });
  expect((await fetch()).exitCode).toBe(0);
  const folder = join(dir, "config/buck2-oras/tuf");
  const [id = ""] = readdirSync(folder);
  writeFileSync(join(folder, id, "snapshot.json"), "{");
  expect((await fetch()).exitCode).toBe(0);
  writeFileSync(join(folder, id, "root.json"), "{");
  const ran = await fetch();
  expect([ran.exitCode, ran.stderr]).toEqual([65, expect.stringContaining("TRUST_ROOT_REFUSED")]);
  rmSync(folder, { recursive: true });
  expect((await fetch()).exitCode).toBe(0);
});

test.each([
  ["--root without --tuf", ["--root", "first.json"], 64, /--root is given without --tuf URL/],
  ["--tuf without --root", ["--tuf", "https://tuf.example"], 64, /--tuf is given without --root FILE/],
  ["plain http", ["--tuf", "http://tuf.example", "--root", "first.json"], 64, /https address/],
  ["a login in the address", ["--tuf", "https://me:secret@tuf.example", "--root", "first.json"], 64, /without a login/],
  ["no address", ["--tuf", "tuf", "--root", "first.json"], 64, /Expected an address/],
  ["a root that is none", ["--tuf", "https://tuf.example", "--root", "tool"], 78, /no root\.json/],
  ["a root that is not there", ["--tuf", "https://tuf.example", "--root", "no.json"], 66, /no\.json/],
  [
    "--offline",
    ["--offline"],
    69,
    /OFFLINE\]: --offline forbids asking the TUF repository https:\/\/\S+\n.*copy a trusted_root\.json/,
  ],
])("%s is an error, and nothing is written", async (_, args, exitCode, message) => {
  const dir = temporaryFolder();
  const { firstRoot } = await startTufRepository();
  writeFileSync(join(dir, "first.json"), firstRoot);
  writeFileSync(join(dir, "tool"), "tool");
  const ran = await oras(["trust-root", "-o", "root.json", ...args], { cwd: dir, env: { XDG_CONFIG_HOME: dir } });
  expect([ran.exitCode, ran.stderr]).toEqual([exitCode, expect.stringMatching(message)]);
  expect(ran.stderr).not.toContain("secret");
  expect(existsSync(join(dir, "root.json"))).toBe(false);
});

test("without a network, the TUF repository and its host are named, and nothing else", async () => {
  const { repository, fetch } = await desk();
  const { host } = new URL(repository.url);
  await repository.stop();
  const { exitCode, stderr } = await fetch("--timeout", "20");
  expect(exitCode).toBe(69);
  expect(stderr).toContain(
    `the TUF repository ${repository.url} cannot be asked: cannot talk to ${host}: connection refused`,
  );
  expect(stderr).toContain(`hint: check that ${host} runs, and its port`);
  for (const strange of [/the registry/, /layout/, /the cache/]) expect(stderr).not.toMatch(strange);
});

test("a server's fault is no reason to distrust the repository, whichever file meets it", async () => {
  const { repository, fetch } = await desk();
  repository.publish({ version: 1, trustedRoot: keyless().root });
  const asked = [...repository.files.keys()].filter((one) => !/^[0-9]+\.root\.json$/.test(one));
  expect(asked.length).toBeGreaterThanOrEqual(4);
  for (const path of asked) {
    repository.statuses.set(path, 503);
    const { exitCode, stderr } = await fetch("--timeout", "30");
    expect([exitCode, stderr], path).toEqual([69, expect.stringContaining("cannot be asked: status 503 of ")]);
    repository.statuses.delete(path);
  }
  expect((await fetch()).exitCode).toBe(0);
});

test("the first root of the public instance is the one that Sigstore ships, and five keys stand behind it", () => {
  const shipped = seeds[publicInstance.url]["root.json"];
  const read = (base64: string) =>
    Metadata.fromJSON(MetadataKind.Root, JSON.parse(Buffer.from(base64, "base64").toString("utf8")));
  expect(read(publicInstance.root).toJSON()).toEqual(read(shipped).toJSON());
  const root = read(publicInstance.root);
  root.verifyDelegate(MetadataKind.Root, root);
  expect(root.signed.roles.root).toMatchObject({ threshold: 3 });
});
