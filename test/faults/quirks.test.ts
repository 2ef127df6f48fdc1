/** What registries do differently from each other, and from the spec: push, list, info, pull and lock work all the same. */
import { randomBytes } from "node:crypto";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { crowdCounter } from "../support/crowd-counter.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import * as access from "../support/registry/in-process/faults/access.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import * as selectors from "../support/registry/in-process/faults/selectors.ts";
import * as vendors from "../support/registry/in-process/faults/vendors.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { Ran } from "../support/run.ts";

const tool = randomBytes(100_000);

/** @param auths Of the docker config: what each host is logged in with. */
function desk(auths: object = {}): { readonly dir: string; readonly call: (...args: string[]) => Promise<Ran> } {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), tool);
  writeFileSync(join(dir, "config.json"), JSON.stringify({ auths }));
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), DOCKER_CONFIG: dir };
  return { dir, call: (...args) => oras(args, { cwd: dir, env }) };
}

const login = { user: "user", password: "secret" };
const password = { auth: Buffer.from("user:secret").toString("base64") };
const identity = { identitytoken: "refresh" };

test.each<[string, Fault, object?]>([
  ["Quay compresses what is not asked for as it is", vendors.gzipUnlessIdentity()],
  ["Quay refuses long pages of tags with 413", vendors.capTagPages(50, 413)],
  ["ECR refuses pages of over 1000 tags", vendors.capTagPages(1000, 400)],
  ["ECR leaves the digest header out", vendors.noDigestHeader()],
  ["Artifactory mishandles a Range from the first byte", vendors.mishandleFullRange()],
  ["Harbor states another length for HEAD", vendors.headStatesAnotherLength()],
  ["Docker Hub says how many reads are left", vendors.countManifestReads(100)],
  ["GHCR has no referrers API", vendors.noReferrers()],
  ["GitLab wants OCI's Accept types", vendors.demandAccept()],
  ["zot wants a login by Basic", access.demandBasic("user", "secret"), password],
  ["GHCR's tokens have no lifetime", access.ownTokens({ path: "/token", login }), password],
  // Two uploads share a token: with fewer uses, one could spend the new token before the other has used it once.
  ["ECR answers 403 to a token that ran out", access.ownTokens({ path: "/t", uses: 6, staleStatus: 403 })],
  ["Google's token service is at HOST/v2/token", access.ownTokens({ path: "/v2/token", login }), password],
  ["Google sends on to a relative signed address", access.redirectBlobs("", 302)],
  [
    "Azure gives tokens for an identity, by POST alone",
    access.ownTokens({ path: "/oauth2/token", refreshToken: "refresh", methods: ["POST"] }),
    identity,
  ],
])("%s", async (_quirk, fault, entry) => {
  const registry = await inProcessRegistry(fault);
  const { dir, call } = desk(entry === undefined ? {} : { [registry.host]: entry });
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

test.each([401, 403, 501])("HEAD is answered %i: GET tells what is there", async (status) => {
  const registry = await inProcessRegistry(vendors.refuseHead(status));
  const { call } = desk();
  const reference = `${registry.host}/t/tool:1`;
  for (const command of [
    ["push", reference, "tool"],
    ["push", `${registry.host}/t/tool:2`, "tool"],
    ["copy", reference, `${registry.host}/t/other:1`],
    ["lock", "add", "tool", reference],
    ["lock", "check", "--online"],
  ]) {
    const ran = await call(...command);
    expect(ran.exitCode, `${command.join(" ")}: ${ran.stderr}`).toBe(0);
  }
  const uploads = registry.seen.filter(({ method, path }) => method === "PUT" && path.includes("/t/tool/blobs/"));
  // The file and the empty configuration, each once.
  expect(uploads).toHaveLength(2);
});

test.each([403, 501])("a Range is answered %i: the whole blob is asked for", async (status) => {
  const registry = await inProcessRegistry(vendors.refuseRange(status));
  const { dir, call } = desk();
  const large = randomBytes(33 * 1024 * 1024);
  writeFileSync(join(dir, "large"), large);
  const pushed = await call("push", `${registry.host}/t/large:1`, "large", "--compression", "none");
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  const pulled = await call("pull", `${registry.host}/t/large:1`, "-o", "out");
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  expect(readFileSync(join(dir, "out/large")).equals(large)).toBe(true);
});

test("GitLab refuses media types that it does not know; `push` can choose another for the layers", async () => {
  const known = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
  ];
  const registry = await inProcessRegistry(vendors.acceptMediaTypes(known));
  const { call } = desk();
  const refused = await call("push", `${registry.host}/t/tool:1`, "tool");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain("MANIFEST_INVALID");
  const pushed = await call("push", `${registry.host}/t/tool:1`, "tool", "--media-type", known[2] ?? "");
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  expect((await call("pull", `${registry.host}/t/tool:1`)).exitCode).toBe(0);
});

test("Docker Hub counts a GET of a manifest and no HEAD: `lock check --online` costs nothing", async () => {
  // The one is that of `lock add`.
  const registry = await inProcessRegistry(vendors.countManifestReads(1));
  const { call } = desk();
  expect((await call("push", `${registry.host}/t/tool:1`, "tool")).exitCode).toBe(0);
  expect((await call("lock", "add", "tool", `${registry.host}/t/tool:1`)).exitCode).toBe(0);
  const online = await call("lock", "check", "--online");
  expect(online.exitCode, online.stderr).toBe(0);
  expect(registry.seen.filter(({ method, path }) => method === "GET" && path.includes("/manifests/"))).toHaveLength(1);
});

test("without a digest in the answer to HEAD, a GET tells what a tag means", async () => {
  const registry = await inProcessRegistry(vendors.noDigestHeader());
  const { call } = desk();
  await call("push", `${registry.host}/t/tool:1`, "tool");
  await call("lock", "add", "tool", `${registry.host}/t/tool:1`);
  const before = registry.seen.length;
  expect((await call("lock", "check", "--online")).exitCode).toBe(0);
  const asked = registry.seen.slice(before).filter(({ path }) => path.endsWith("/manifests/1"));
  expect(asked.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
});

test("Artifactory's Link has parameters of its own, in front of `rel` and in the address", async () => {
  const next = ({ pathname, searchParams }: URL): string =>
    searchParams.has("own") ? `${pathname}?own=2&n=1&last=1` : `${pathname}?own=1&n=1&last=`;
  const registry = await inProcessRegistry((request, before, surroundings) =>
    request.url.searchParams.get("own") === "2"
      ? before()
      : vendors.linkTags(next, '; own="a, b; c"; rel="next"')(request, before, surroundings),
  );
  for (const tag of ["1", "2"]) registry.storage.open("t/tool").tags.set(tag, "sha256:x");
  const ran = await desk().call("list", `${registry.host}/t/tool`, "--json");
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(registry.seen.map(({ path }) => path.split("?")[1]?.replace(/^n=.*/, ""))).toContain("own=2&n=1&last=1");
});

test("a repository without tags may be listed as null", async () => {
  const registry = await inProcessRegistry(vendors.nullTags());
  expect(await desk().call("list", `${registry.host}/t/tool`)).toMatchObject({ exitCode: 0, stdout: "" });
});

describe("several at a time", () => {
  test("platforms of a lock are fetched in parallel, as many as the configuration allows", async () => {
    const crowd = crowdCounter();
    const counting: Fault = (request, next) =>
      selectors.blobReads(request) ? { ...next(), manner: { until: crowd.pass() } } : next();
    const registry = await inProcessRegistry(counting);
    const { dir, call } = desk();
    const platforms = ["linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64", "windows-x86_64"];
    for (const platform of platforms) writeFileSync(join(dir, platform), randomBytes(1000));
    const paths = platforms.flatMap((platform) => ["--platform", `${platform}=${platform}`]);
    expect((await call("push", `${registry.host}/t/tool:1`, ...paths)).exitCode).toBe(0);
    for (const concurrency of [1, 3]) {
      crowd.expect(concurrency);
      writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency, cacheDir: `cache-${concurrency}` }));
      const ran = await oras(["lock", "add", "tool", `${registry.host}/t/tool:1`], { cwd: dir });
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(crowd.most()).toBe(concurrency);
    }
  });

  test("one that fails ends the others, and nothing is left half-done", async () => {
    let first: string | undefined;
    const failing: Fault = (request, next) => {
      if (!selectors.blobReads(request)) return next();
      first ??= request.url.pathname;
      return request.url.pathname === first ? { ...next(), manner: { delayMs: 120_000 } } : { ...next(), status: 404 };
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
    expect(performance.now() - started).toBeLessThan(60_000);
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
