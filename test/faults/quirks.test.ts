/** What registries do differently from each other, and from the spec: push, list, info, pull and lock work all the same. */
import { randomBytes } from "node:crypto";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras, type Ran } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import * as faults from "../support/registry/in-process/faults.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";

const tool = randomBytes(100_000);

function desk(): { readonly dir: string; readonly call: (...args: string[]) => Promise<Ran> } {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), tool);
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  return { dir, call: (...args) => oras(args, { cwd: dir, env }) };
}

test.each<[string, faults.Fault]>([
  ["Quay compresses what is not asked for as it is", faults.gzipUnlessIdentity()],
  ["Quay refuses long pages of tags with 413", faults.capTagPages(50, 413)],
  ["ECR refuses pages of over 1000 tags", faults.capTagPages(1000, 400)],
  ["ECR leaves the digest header out", faults.noDigestHeader()],
  ["Artifactory mishandles a Range from the first byte", faults.mishandleFullRange()],
  ["Harbor states another length for HEAD", faults.headStatesAnotherLength()],
  ["Docker Hub says how many requests are left", faults.rateLimitHeaders()],
  ["GHCR has no referrers API", faults.noReferrers()],
  ["GitLab wants OCI's Accept types", faults.demandAccept()],
])("%s", async (_quirk, fault) => {
  const registry = await inProcessRegistry(fault);
  const { dir, call } = desk();
  const reference = `${registry.host}/t/tool:1`;
  const commands = [
    ["push", reference, "--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=tool"],
    ["list", `${registry.host}/t/tool`],
    ["info", reference],
    ["pull", reference, "--platform", "linux-x86_64", "-o", "out"],
    ["lock", "add", "tool", reference],
    ["lock", "update"],
  ];
  for (const command of commands) {
    const ran = await call(...command);
    expect(ran.exitCode, `${command.join(" ")}: ${ran.stderr}`).toBe(0);
  }
  expect(readFileSync(join(dir, "out/tool")).equals(tool)).toBe(true);
});

test("GitLab refuses media types that it does not know; `push` can choose another for the layers", async () => {
  const known = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
  ];
  const registry = await inProcessRegistry(faults.acceptMediaTypes(known));
  const { call } = desk();
  const refused = await call("push", `${registry.host}/t/tool:1`, "tool");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain("MANIFEST_INVALID");
  const pushed = await call("push", `${registry.host}/t/tool:1`, "tool", "--media-type", known[2] ?? "");
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  expect((await call("pull", `${registry.host}/t/tool:1`)).exitCode).toBe(0);
});

test("a repository without tags may be listed as null", async () => {
  const registry = await inProcessRegistry(faults.nullTags());
  expect(await desk().call("list", `${registry.host}/t/tool`)).toMatchObject({ exitCode: 0, stdout: "" });
});

describe("several at a time", () => {
  test("platforms of a lock are fetched in parallel, as many as the configuration allows", async () => {
    let now = 0;
    let most = 0;
    const counting: faults.Fault = (request, next) => {
      if (!faults.blobReads(request)) return next();
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
      }, 300);
      return { ...next(), manner: { delayMs: 300 } };
    };
    const registry = await inProcessRegistry(counting);
    const { dir, call } = desk();
    const platforms = ["linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64", "windows-x86_64"];
    for (const platform of platforms) writeFileSync(join(dir, platform), randomBytes(1000));
    const paths = platforms.flatMap((platform) => ["--platform", `${platform}=${platform}`]);
    expect((await call("push", `${registry.host}/t/tool:1`, ...paths)).exitCode).toBe(0);
    for (const concurrency of [1, 3]) {
      most = 0;
      writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency, cacheDir: `cache-${concurrency}` }));
      const ran = await oras(["lock", "add", "tool", `${registry.host}/t/tool:1`], { cwd: dir });
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(most).toBe(concurrency);
    }
  });

  test("one that fails ends the others, and nothing is left half-done", async () => {
    let reads = 0;
    const failing: faults.Fault = (request, next) => {
      if (!faults.blobReads(request)) return next();
      reads += 1;
      return reads === 2 ? { ...next(), status: 404 } : { ...next(), manner: { delayMs: 20_000 } };
    };
    const registry = await inProcessRegistry(failing);
    const { dir, call } = desk();
    writeFileSync(join(dir, "other"), "other");
    await call(
      "push",
      `${registry.host}/t/tool:1`,
      "--platform",
      "linux-x86_64=tool",
      "--platform",
      "darwin-arm64=other",
    );
    const started = performance.now();
    const ran = await call("lock", "add", "tool", `${registry.host}/t/tool:1`);
    expect(ran.exitCode).toBe(66);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

test("retention: once a day, after something was added, the cache is cleared as configured", async () => {
  const registry = await inProcessRegistry();
  const { dir } = desk();
  const call = (...args: string[]): Promise<Ran> => oras([...args, "--verbose"], { cwd: dir });
  const config = { cacheDir: "cache", retention: { maxSize: "150k" } };
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify(config));
  for (const tag of ["1", "2", "3"]) {
    writeFileSync(join(dir, "tool"), randomBytes(100_000));
    await call("push", `${registry.host}/t/tool:${tag}`, "tool");
  }
  const first = await call("pull", `${registry.host}/t/tool:1`);
  expect(first.stderr).toContain("retention: removed 0 files");
  expect((await call("pull", `${registry.host}/t/tool:2`)).stderr).not.toContain("retention");
  const stamp = join(dir, "cache", "cleared");
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
  utimesSync(stamp, yesterday, yesterday);
  const third = await call("pull", `${registry.host}/t/tool:3`);
  expect(third.exitCode, third.stderr).toBe(0);
  expect(third.stderr).toMatch(/retention: removed [1-9]/);
});
