/** Whom `--plain-http` is for: a login of the registry that is not meant must not go out in the clear. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type ForwardProxy, startForwardProxy } from "../support/proxy.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

interface Desk {
  readonly dir: string;
  /** Knows `reg.test:5000`, which speaks http, and nothing else. */
  readonly proxy: ForwardProxy;
  readonly call: (...args: string[]) => Promise<Ran>;
}

async function desk(): Promise<Desk> {
  const server = await startServer(serveTool("#!/bin/sh\n"));
  const proxy = await startForwardProxy(undefined, { hosts: { "reg.test:5000": server.host } });
  const dir = temporaryFolder();
  const env = {
    HTTP_PROXY: `http://${proxy.host}`,
    HTTPS_PROXY: `http://${proxy.host}`,
    BUCK2_ORAS_CACHE_DIR: join(dir, "cache"),
  };
  return { dir, proxy, call: (...args) => oras([...args, "--timeout", "120"], { cwd: dir, env }) };
}

const ambiguous = /--plain-http is ambiguous: \S+ or \S+\n {2}hint: .*--plain-http=HOST/;

describe("--plain-http", () => {
  test("alone is for the registry of the command, before and after it", async () => {
    const { call, proxy } = await desk();
    expect((await call("pull", "--plain-http", "reg.test:5000/t/tool:1")).exitCode).toBe(0);
    expect((await call("--plain-http", "info", "reg.test:5000/t/tool:1")).exitCode).toBe(0);
    // A folder and loopback leave no doubt.
    const copied = await call("copy", "reg.test:5000/t/tool:1", "oci:layout:1", "--plain-http", "--no-referrers");
    expect(copied.exitCode, copied.stderr).toBe(0);
    const elsewhere = await call("copy", "reg.test:5000/t/tool:1", "localhost:1/t/tool:1", "--plain-http");
    expect(elsewhere.stderr).toContain("cannot talk to localhost:1");
    expect(proxy.passed.every((url) => url.startsWith("http://reg.test:5000/"))).toBe(true);
  });

  test("that might be for two registries is refused before any is asked", async () => {
    const { call, dir, proxy } = await desk();
    const copied = await call("copy", "--plain-http", "ghcr.test/y:1", "reg.test:5000/x:1");
    expect(copied.exitCode).toBe(64);
    expect(copied.stderr).toMatch(ambiguous);

    const digest = `sha256:${"0".repeat(64)}`;
    const layer = { digest, size: 1, mediaType: "x/y", title: "tool", format: "raw", contentDigest: digest };
    const tool = (repository: string) => ({
      reference: `${repository}:1`,
      digest,
      platforms: { any: { manifest: digest, repository, layers: [layer] } },
    });
    const lock = { version: 1, tools: { a: tool("ghcr.test/a"), b: tool("reg.test:5000/b") } };
    writeFileSync(join(dir, "oras.lock.json"), `${JSON.stringify(lock, null, 2)}\n`);
    for (const args of [
      ["lock", "update"],
      ["copy", "--lock", "oras.lock.json", "oci:mirror"],
    ]) {
      const ran = await call(...args, "--plain-http");
      expect(ran.exitCode, ran.stderr).toBe(64);
      expect(ran.stderr).toMatch(ambiguous);
    }
    expect(proxy.passed).toEqual([]);
  });

  test("with hosts is for those, and the other registry is asked over TLS", async () => {
    const { call, proxy } = await desk();
    const ran = await call("copy", "--plain-http=other.test,reg.test:5000", "reg.test:5000/t/tool:1", "ghcr.test/y:1");
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toContain("cannot talk to ghcr.test through the proxy");
    expect(proxy.passed.some((url) => url.startsWith("http://reg.test:5000/"))).toBe(true);
    expect(proxy.passed.filter((url) => url.includes("ghcr.test"))).not.toContainEqual(expect.stringMatching(/^http:/));
    expect(proxy.passed).toContain("ghcr.test:443");
    expect((await call("list", "--plain-http=a,,b", "reg.test:5000/t")).exitCode).toBe(64);
    expect((await call("list", "--plain-http=http://reg.test", "reg.test:5000/t")).exitCode).toBe(64);
  });
});
