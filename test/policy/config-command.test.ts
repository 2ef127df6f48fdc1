/** `config` in front of policies: what they demand, and what they cannot demand. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { orasWords } from "../support/executable.ts";
import { keyless } from "../support/keyless.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { signedRepository } from "../support/signed-repository.ts";

const identity = {
  identity: "https://git.example/acme/tools/.git/workflows/release.yml@refs/tags/*",
  issuer: "https://id.example",
};

test("config: files that a policy names and nobody can read are named, with exit code 78", async () => {
  const { inProject, policies, dir } = await signedRepository();
  writeFileSync(join(dir, "root.json"), keyless().root);
  policies([{ prefix: "ghcr.io/acme", signers: [{ key: "cosign.pub" }, identity], trustRoot: "root.json" }]);
  const good = await inProject(["config"]);
  expect([good.exitCode, good.stdout]).toEqual([0, expect.not.stringContaining("unusable")]);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(dir, "private.pem"), privateKey.export({ format: "pem", type: "pkcs8" }));
  policies([
    { prefix: "ghcr.io/acme", signers: [{ key: "cosign.pub" }, { key: "none.pub" }] },
    { prefix: "ghcr.io/private", action: "warn", signers: [{ key: "private.pem" }] },
    { prefix: "ghcr.io/imports", source: "provenance", trustRoot: "cosign.pub" },
  ]);
  const { exitCode, stdout, stderr } = await inProject(["config"]);
  expect([exitCode, stderr]).toEqual([78, expect.stringContaining("Restore these files")]);
  expect(stdout).toMatch(/key \S+cosign\.pub {2}/);
  for (const path of ["key \\S+none.pub", "key \\S+private.pem", "root \\S+cosign.pub"]) {
    expect(stdout).toMatch(new RegExp(`${path} \\(unusable\\)`));
  }
  const file = join(dir, "buck2-oras.json");
  expect(stdout).toContain(
    `The policy for ghcr.io/acme in ${file} cannot be applied: file not found: ${join(dir, "none.pub")}\n`,
  );
  expect(stdout).toContain(
    `ghcr.io/private in ${file} cannot be applied: the key ${join(dir, "private.pem")} is a private`,
  );
  const json = await inProject(["config", "--json"]);
  expect(json.exitCode).toBe(78);
  expect(JSON.parse(json.stdout).policies.map(({ faults }: { faults: string[] }) => faults.length)).toEqual([1, 1, 1]);
});

test("terminal: a policy that fits into no line is shown as a record, each line below its name", async (context) => {
  const script = requireProgram(context, "script");
  const { policies, dir } = await signedRepository();
  writeFileSync(join(dir, "root.json"), keyless().root);
  policies([
    { prefix: "ghcr.io/acme", signers: [{ key: "cosign.pub" }, identity], trustRoot: "root.json", minAgeDays: 7 },
  ]);
  for (const columns of [80, 40]) {
    const ran = await run(script, ["-qec", `stty cols ${columns}; ${orasWords()} config`, "/dev/null"], {
      cwd: dir,
      env: { TERM: "dumb", HOME: join(dir, "home") },
    });
    const [, table = ""] = ran.stdout.replaceAll("\r", "").split("\npolicy for: ");
    const [first, ...below] = table.trimEnd().split("\n");
    expect(first).toBe("ghcr.io/acme");
    expect(below.length).toBeGreaterThan(6);
    for (const line of below) expect(line).toMatch(/^ {2}\S| {4}\S/);
    expect(below.filter((line) => line.startsWith("  signers and roots:"))).toHaveLength(3);
    expect(below).toContain("  age in days: from 7");
  }
});
