/** What a policy says nothing about, and what to do when a signature is gone. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { policyDesk as desk } from "../support/policy-desk.ts";
import { keyBundle } from "../support/signed-repository.ts";

const key = { key: "cosign.pub" };

test("policy: one of the project that covers no tool is named, and changes no exit code", async () => {
  const { add, policies, host, prefix, dir, inProject, sign, artifact } = await desk();
  const misspelt = `${host}/tt`;
  policies([{ prefix, signers: [key] }]);
  sign(artifact);
  const good = await add();
  expect([good.exitCode, good.stderr]).toEqual([0, expect.not.stringContaining("covers")]);
  policies([
    { prefix, signers: [key] },
    { prefix: misspelt, minAgeDays: 7 },
    { prefix: `${host}/imports`, source: "checksum" },
  ]);
  const checked = await inProject(["lock", "check", "--policy"]);
  const file = join(dir, "buck2-oras.json");
  expect([checked.exitCode, checked.stderr]).toEqual([
    0,
    `Warning: the policy for ${misspelt} in ${file} covers no tool of the lock; did you mean ${prefix}?\n`,
  ]);
  const json = JSON.parse((await inProject(["lock", "check", "--policy", "--json"])).stdout);
  expect(json.unbound).toEqual([{ file, prefix: misspelt, nearest: prefix }]);
  // A user's file serves many projects.
  policies([{ prefix, signers: [key] }]);
  policies([{ prefix: misspelt, minAgeDays: 7 }], "user");
  expect((await inProject(["lock", "check", "--policy"])).stderr).toBe("");
});

test("policy: `lock add` warns where a tool has no policy and a policy of the project has no tool", async () => {
  const { add, policies, host, prefix, inProject, reference } = await desk();
  policies([{ prefix: `${host}/tt`, signers: [key] }]);
  const warned = await add();
  expect([warned.exitCode, warned.stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: no policy covers tool, so nobody's signature .* did you mean \S+\/t\?$/m),
  ]);
  policies([
    { prefix: `${host}/tt`, signers: [key] },
    { prefix, action: "warn", signers: [key] },
  ]);
  expect((await add()).stderr).not.toContain("no policy covers");
  policies([{ prefix: `${host}/tt`, signers: [key] }], "user");
  policies([]);
  expect((await inProject(["lock", "add", "other", reference])).stderr).not.toContain("no policy covers");
});

test("policy: `lock check --policy` counts and names the tools that no policy covers", async () => {
  const { add, policies, host, prefix, sign, artifact, inProject, reference } = await desk();
  sign(artifact);
  expect((await add()).exitCode).toBe(0);
  const check = async (...more: string[]) => (await inProject(["lock", "check", "--policy", ...more])).stdout;
  policies([{ prefix: `${host}/elsewhere`, signers: [key] }]);
  expect(await check()).toContain("fulfils the policies, as recorded: 1 tool, 1 covered by none (tool); policies of");
  // A demand on imports is none on the lock.
  policies([{ prefix, source: "checksum" }]);
  expect(JSON.parse(await check("--json")).uncovered).toEqual(["tool"]);
  for (let index = 0; index < 6; index++) await inProject(["lock", "add", `more${index}`, reference]);
  expect(await check()).toContain("7 tools, 7 covered by none (more0, more1, more2, more3, more4, and 2 more; --json");
  policies([{ prefix, signers: [key] }]);
  expect(await check()).not.toContain("covered by none");
  expect(JSON.parse(await check("--json")).uncovered).toEqual([]);
});

test("policy: online, a signature that is gone has advice that works", async () => {
  const { add, policies, prefix, sign, artifact, inProject, referrers, attach, update } = await desk();
  policies([{ prefix, signers: [key] }]);
  sign(artifact);
  expect((await add()).exitCode).toBe(0);
  referrers.length = 0;
  const check = () => inProject(["lock", "check", "--policy", "--online"]);
  const gone = await check();
  const unsigned = `${prefix}/tool@${artifact.digest}`;
  expect([gone.exitCode, gone.stderr]).toEqual([
    65,
    expect.stringContaining(`sign it again: \`buck2-oras sign ${unsigned} --key FILE\``),
  ]);
  expect(gone.stderr).not.toContain("lock update");
  expect(gone.stdout).toMatch(/the lock records a signature of sha256:\S+, and the repository has none$/m);
  expect((await update()).exitCode).toBe(65);
  const { faults } = JSON.parse((await inProject(["lock", "check", "--policy", "--online", "--json"])).stdout);
  expect(faults).toMatchObject([{ unsigned }]);
  attach(keyBundle(artifact.digest));
  expect((await check()).exitCode).toBe(0);
  // A lock that records nothing: `lock update` is the remedy, and works.
  const { stdout } = await inProject(["lock", "check", "--policy", "--json"]);
  expect(JSON.parse(stdout).faults).toEqual([]);
});

test("policy: a lock without records has the advice to update, offline and online", async () => {
  const { add, policies, prefix, sign, artifact, inProject, update } = await desk();
  expect((await add()).exitCode).toBe(0);
  policies([{ prefix, signers: [key] }]);
  sign(artifact);
  for (const more of [[], ["--online"]]) {
    const { exitCode, stderr } = await inProject(["lock", "check", "--policy", ...more]);
    expect([exitCode, stderr]).toEqual([65, expect.stringContaining("Run `buck2-oras lock update` to verify")]);
    expect(stderr).not.toContain("sign it again");
  }
  expect((await update()).exitCode).toBe(0);
  expect((await inProject(["lock", "check", "--policy", "--online"])).exitCode).toBe(0);
});
