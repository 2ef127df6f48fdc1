/** `copy` on real registries, layout folders, and with what `oras` attached. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, type TestContext, test } from "vitest";
import { copySchema } from "../../src/cli/schemas/published.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import * as network from "../support/registry/in-process/faults/network.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { Ran } from "../support/run.ts";

type Copied = v.InferOutput<typeof copySchema>;

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
  readonly copy: (...args: string[]) => Promise<Copied>;
}

/** Each desk has a cache of its own, and a tool for two platforms. */
function desk(): Desk {
  const dir = temporaryFolder();
  mkdirSync(join(dir, "linux"));
  mkdirSync(join(dir, "mac"));
  writeFileSync(join(dir, "linux/tool"), randomBytes(300_000));
  writeFileSync(join(dir, "mac/tool"), randomBytes(300_000));
  const call: Desk["call"] = (...args) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const copy: Desk["copy"] = async (...args) => {
    const ran = await call("copy", ...args, "--json");
    expect(ran.exitCode, ran.stdout).toBe(0);
    return v.parse(copySchema, JSON.parse(ran.stdout));
  };
  return { dir, call, copy };
}

const platforms = ["--platform", "linux-x86_64=linux/tool", "--platform", "darwin-arm64=mac/tool"];

async function registryHost(context: TestContext): Promise<string> {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  return registry.host;
}

async function digestOf(call: Desk["call"], reference: string): Promise<string> {
  const ran = await call("info", reference, "--json");
  expect(ran.exitCode, ran.stdout).toBe(0);
  return (JSON.parse(ran.stdout) as { digest: string }).digest;
}

describe("an index with its platforms", () => {
  test("registry → layout → another registry: the same digest, and nothing is sent twice", async (context) => {
    const [first, second] = [await registryHost(context), await registryHost(context)];
    const { dir, call, copy } = desk();
    await call("push", `${first}/t/tool:1`, ...platforms);
    const digest = await digestOf(call, `${first}/t/tool:1`);
    const toLayout = await copy(`${first}/t/tool:1`, "oci:layout:1");
    // Two files and the empty configuration; two manifests and their index.
    expect(toLayout).toMatchObject({ blobsCopied: 3, blobsPresent: 0, manifestsCopied: 3 });
    await copy("oci:layout:1", `${second}/moved/tool:2`);
    expect(await digestOf(call, `${second}/moved/tool:2`)).toBe(digest);
    const pulled = await call("pull", `${second}/moved/tool:2`, "--platform", "darwin-arm64", "-o", "out");
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool")).equals(readFileSync(join(dir, "mac/tool")))).toBe(true);

    const again = await copy("oci:layout:1", `${second}/moved/tool:2`);
    expect(again).toMatchObject({ bytesSent: 0, blobsCopied: 0, manifestsCopied: 0 });
  });

  test("within a registry blobs are mounted; by digest; the tag comes along unless another one is named", async (context) => {
    const host = await registryHost(context);
    const { call, copy } = desk();
    await call("push", `${host}/a/tool:1`, ...platforms);
    const digest = await digestOf(call, `${host}/a/tool:1`);
    const mounted = await copy(`${host}/a/tool:1`, `${host}/b/tool`);
    expect(mounted).toMatchObject({ blobsMounted: 3, blobsCopied: 0 });
    expect(await digestOf(call, `${host}/b/tool:1`)).toBe(digest);
    await copy(`${host}/a/tool@${digest}`, `${host}/c/tool`);
    expect(await digestOf(call, `${host}/c/tool@${digest}`)).toBe(digest);
    expect((await call("list", `${host}/c/tool`)).stdout).toBe("");
  });

  test("a new version that shares a file with the last sends the other alone", async (context) => {
    const host = await registryHost(context);
    const { dir, call, copy } = desk();
    await call("push", "oci:layout:1", ...platforms);
    await copy("oci:layout:1", `${host}/t/tool:1`);
    writeFileSync(join(dir, "mac/tool"), randomBytes(200_000));
    await call("push", "oci:layout:2", ...platforms);
    const sent = await copy("oci:layout:2", `${host}/t/tool:2`);
    expect(sent).toMatchObject({ blobsCopied: 1, manifestsCopied: 2 });
    expect(sent.bytesSent).toBeLessThan(203_000);
  });
});

describe("what refers to it", () => {
  test("what oras attached comes along, through a registry without the API and a folder, and oras finds it", async (context) => {
    const peer = requireProgram(context, "oras");
    const [first, second] = [await registryHost(context), await registryHost(context)];
    const { dir, call, copy } = desk();
    const run = (...args: string[]): string =>
      execFileSync(peer, args, { cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    await call("push", `${first}/t/tool:1`, ...platforms);
    writeFileSync(join(dir, "sbom.json"), "{}");
    run("attach", "--plain-http", "--artifact-type", "application/vnd.example.sbom", `${first}/t/tool:1`, "sbom.json");
    run(
      "attach",
      "--plain-http",
      "--artifact-type",
      "application/vnd.example.arm",
      "--platform",
      "darwin/arm64",
      `${first}/t/tool:1`,
      "sbom.json",
    );
    await copy(`${first}/t/tool:1`, "oci:layout:1");
    await copy("oci:layout:1", `${second}/t/tool:1`);
    expect(run("discover", "--plain-http", `${second}/t/tool:1`)).toContain("application/vnd.example.sbom");
    const arm = run("discover", "--plain-http", "--platform", "darwin/arm64", `${second}/t/tool:1`);
    expect(arm).toContain("application/vnd.example.arm");
    const again = await copy("oci:layout:1", `${second}/t/tool:1`);
    expect(again.bytesSent).toBe(0);
    expect((await copy(`${first}/t/tool:1`, "oci:bare:1", "--no-referrers")).manifestsCopied).toBe(3);
  });

  test("with the referrers API", async () => {
    const [first, second] = [await inProcessRegistry(), await inProcessRegistry()];
    const { call, copy } = desk();
    await call("push", `${first.host}/t/tool:1`, ...platforms);
    const digest = await digestOf(call, `${first.host}/t/tool:1`);
    const config = {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: `sha256:${"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}`,
      size: 2,
    };
    const subject = { mediaType: "application/vnd.oci.image.index.v1+json", digest, size: 1 };
    const signature = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: "x/sig",
      config,
      layers: [],
      subject,
    };
    const pushed = await fetch(`http://${first.host}/v2/t/tool/manifests/sig`, {
      method: "PUT",
      headers: { "content-type": signature.mediaType },
      body: JSON.stringify(signature),
    });
    expect(pushed.status).toBe(201);
    expect(await copy(`${first.host}/t/tool:1`, `${second.host}/t/tool:1`)).toMatchObject({ manifestsCopied: 4 });
    const found = await (await fetch(`http://${second.host}/v2/t/tool/referrers/${digest}`)).json();
    expect(found).toMatchObject({ manifests: [{ artifactType: "x/sig" }] });
  });
});

describe("a copy that is disturbed", () => {
  test("a broken upload is sent again; a tag is never put on something incomplete", async () => {
    const flaky = await inProcessRegistry(network.cutBeforeHead(2, ({ method }) => method === "PUT"));
    const { call, copy } = desk();
    await call("push", "oci:layout:1", ...platforms);
    await copy("oci:layout:1", `${flaky.host}/t/tool:1`);
    const broken = await inProcessRegistry(
      network.answerStatus(
        500,
        1000,
        undefined,
        ({ method, url }) => method === "PUT" && url.pathname.includes("/uploads/"),
      ),
    );
    const ran = await call("copy", "oci:layout:1", `${broken.host}/t/tool:1`);
    expect(ran.exitCode).toBe(69);
    expect(broken.seen.filter(({ method, path }) => method === "PUT" && path.includes("/manifests/"))).toEqual([]);
  });

  test("a source that lost a blob, a full quota, and a registry that takes no writes are said", async () => {
    const { call } = desk();
    const source = await inProcessRegistry();
    await call("push", `${source.host}/t/tool:1`, ...platforms);
    const repository = source.storage.open("t/tool");
    const [lost] = [...repository.blobs].filter(([, bytes]) => bytes.length > 1000).map(([digest]) => digest);
    repository.blobs.delete(lost ?? "");
    const ran = await call("copy", `${source.host}/t/tool:1`, "oci:layout:1");
    expect(ran.exitCode).toBe(66);
    expect(ran.stderr).toContain(lost);
    for (const status of [403, 405, 413, 507]) {
      const target = await inProcessRegistry(
        network.answerStatus(status, 1000, undefined, ({ method }) => method === "POST" || method === "PUT"),
      );
      await call("push", "oci:whole:1", ...platforms);
      const refused = await call("copy", "oci:whole:1", `${target.host}/t/tool:1`);
      expect([69, 77]).toContain(refused.exitCode);
      expect(refused.stderr).toContain(target.host);
    }
  });
});

test("a lock, to a folder and on to another registry: the build side pulls from there under the unchanged lock", async (context) => {
  const [first, second] = [
    await startDockerRegistry(requireProgram(context, "docker-registry")),
    await registryHost(context),
  ];
  const { dir, call, copy } = desk();
  await call("push", `${first.host}/tools/one:1`, ...platforms);
  await call("push", `${first.host}/tools/two:1-linux-x86_64`, "linux/tool");
  await call("lock", "add", "one", `${first.host}/tools/one:1`);
  await call("lock", "add", "two", `${first.host}/tools/two:1-{platform}`);
  const lock = readFileSync(join(dir, "oras.lock.json"), "utf8");
  const toLayout = await copy("--lock", "oras.lock.json", "oci:airgap");
  expect(toLayout.artifacts).toHaveLength(2);
  await first.stop();
  await copy("--lock", "oras.lock.json", "oci:airgap", `${second}/mirror`);
  expect(await copy("--lock", "oras.lock.json", "oci:airgap", `${second}/mirror`)).toMatchObject({ bytesSent: 0 });
  expect(readFileSync(join(dir, "oras.lock.json"), "utf8")).toBe(lock);

  // Another machine: the locked registry is gone, its mirror is in the configuration.
  const away = desk();
  const registries = { old: { prefix: first.host, mirrors: [`${second}/mirror`] } };
  writeFileSync(join(away.dir, "buck2-oras.json"), JSON.stringify({ registries }));
  const { tools } = JSON.parse(lock) as {
    tools: { one: { platforms: Record<string, { layers: { digest: string; size: number }[] }> } };
  };
  const layer = tools.one.platforms["darwin-arm64"]?.layers[0];
  const ran = await away.call(
    "blob",
    `${first.host}/tools/one@${layer?.digest}`,
    "--size",
    String(layer?.size),
    "-o",
    "got",
  );
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readFileSync(join(away.dir, "got")).equals(readFileSync(join(dir, "mac/tool")))).toBe(true);
});

test("a copy that was killed: no tag before it is repeated, and what was fetched is not fetched again", async () => {
  const source = await inProcessRegistry(network.slowBody(2_000_000));
  const target = await inProcessRegistry();
  const { dir, call, copy } = desk();
  writeFileSync(join(dir, "large"), randomBytes(4_000_000));
  await call("push", `${source.host}/t/tool:1`, "large");
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "carrier") };
  /** Bytes of the largest file that is not whole yet. */
  const staged = (): number => {
    const tmp = join(dir, "carrier/tmp");
    return Math.max(...readdirSync(tmp).map((name) => statSync(join(tmp, name)).size));
  };
  const onStart = (child: ChildProcess): void => {
    const kill = async (): Promise<void> => {
      await expect.poll(staged, { interval: 10 }).toBeGreaterThan(100_000);
      child.kill("SIGKILL");
    };
    void kill().catch(() => child.kill("SIGKILL"));
  };
  const args = ["copy", `${source.host}/t/tool:1`, `${target.host}/u/tool:1`];
  expect((await oras(args, { cwd: dir, env, onStart })).signal).toBe("SIGKILL");
  expect(target.storage.find("u/tool")?.tags.has("1") ?? false).toBe(false);
  const again = await oras(args, { cwd: dir, env });
  expect(again.exitCode, again.stderr).toBe(0);
  // What stood on the disk is gone on from.
  expect(source.blobReads().some(({ headers }) => /^bytes=[1-9]/.test(headers.range ?? ""))).toBe(true);
  expect(await copy(`${source.host}/t/tool:1`, `${target.host}/u/tool:1`)).toMatchObject({ bytesSent: 0 });
});

test("a lock whose index was collected: what its platforms are is copied", async () => {
  const registry = await inProcessRegistry();
  const { call, copy } = desk();
  const reference = `${registry.host}/t/tool:1`;
  await call("push", reference, ...platforms);
  await call("lock", "add", "tool", reference);
  const { manifests, tags } = registry.storage.open("t/tool");
  manifests.delete(tags.get("1") ?? "");
  tags.clear();
  const copied = await copy("--lock", "oras.lock.json", "oci:carried");
  expect(copied.artifacts).toHaveLength(2);
  const { stdout } = await call("list", "oci:carried");
  expect(stdout.trim().split("\n").toSorted()).toEqual(["tool-1-darwin-arm64", "tool-1-linux-x86_64"]);
});

test("usage: a destination with a digest, a missing destination and a missing lock are said", async () => {
  const { call } = desk();
  expect((await call("copy", "oci:a:1", `oci:b@sha256:${"0".repeat(64)}`)).exitCode).toBe(64);
  expect((await call("copy", "oci:a:1")).stderr).toMatch(/needs a source and a destination/);
  expect((await call("copy", "--lock", "none.json", "oci:b")).exitCode).toBe(78);
});
