/** A registry that goes down while a build fetches from it: the message, what is kept, and the next build. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Built, requireBuck2 } from "../support/buck2.ts";
import type { Consumer } from "../support/consumer.ts";
import { sha256 } from "../support/layout-project.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram } from "../support/peers.ts";
import type { ExecutionMode } from "../support/platform-targets.ts";
import { type BlobRequest, startInterruptedRegistry } from "../support/registry/interrupted.ts";
import { toolOf, toolProject } from "../support/tool-project.ts";

const toolBytes = 3_000_000;
const tools = Object.fromEntries(
  ["one", "two", "three", "four"].map((name, index) => [name, toolOf(toolBytes, index)]),
);
const uses = Object.keys(tools).map((name) => `//use:${name}`);
const healthyBlobs = 2;
const digestsOf = (requests: readonly Pick<BlobRequest, "digest">[]): string[] =>
  requests.map(({ digest }) => digest).sort();

function usesOf(digests: readonly string[]): string[] {
  return Object.entries(tools).flatMap(([name, content]) =>
    digests.includes(sha256(content)) ? [`//use:${name}`] : [],
  );
}

/** The files of the store, each under its digest. */
function expectStored({ cacheDir }: Consumer, digests: readonly string[]): void {
  const entries = readdirSync(join(cacheDir, "oras"), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  expect(files.map(({ name }) => `sha256:${name}`).sort()).toEqual(digests);
  for (const { parentPath, name } of files) expect(sha256(readFileSync(join(parentPath, name)))).toBe(`sha256:${name}`);
}

function expectOurError({ subErrors, stderr }: Built, host: string): void {
  expect(subErrors.length).toBeGreaterThan(0);
  for (const { category, message, remediation } of subErrors) {
    expect(category).toBe("REGISTRY_UNAVAILABLE");
    expect(message).toContain(`cannot talk to ${host}`);
    expect(remediation).toContain(`check that ${host} runs, and its port`);
  }
  expect(stderr).toContain("error[REGISTRY_UNAVAILABLE]");
}

/** The words that docs/troubleshooting.md explains. */
function expectBuck2Error({ stderr }: Built, host: string): void {
  expect(stderr).toContain("Internal error (stage: remote_upload_error)");
  expect(stderr).toContain("Error materializing HTTP resource declared by target `root//tools:");
  expect(stderr).toContain(`http://${host}/v2/tools/`);
}

const modes: readonly (readonly [mode: ExecutionMode, fetch: "native" | "process"])[] = [
  ["hybrid", "process"],
  ["strict", "native"],
];

test.for(modes)(
  "outage: what came whole is kept, and the next build goes on, %s with %s",
  async ([mode, fetch], context) => {
    const buck2 = requireBuck2(context);
    const engine = await startNativeLink(requireProgram(context, "nativelink"));
    context.onTestFinished(() => engine.stop());
    const registry = await startInterruptedRegistry(Object.values(tools), healthyBlobs);
    const { host } = registry;
    const machine = (): Consumer => {
      const project = toolProject({ buck2, registry: host, tools, engine: engine.config, mode, fetch });
      context.onTestFinished(() => project.stop());
      return project;
    };
    const expectError = fetch === "process" ? expectOurError : expectBuck2Error;
    const first = machine();
    // The first failure would cancel the others.
    const failed = await first.build(uses, { args: ["--keep-going"] });
    expect(failed.exitCode).not.toBe(0);
    expectError(failed, host);
    const whole = digestsOf(registry.requests.slice(0, healthyBlobs));
    const cut = digestsOf(registry.requests.slice(healthyBlobs));
    expect(cut.length).toBeGreaterThan(0);
    if (fetch === "process") expectStored(first, whole);

    // Another machine gets from the engine what was built, and nothing of the rest.
    const second = machine();
    const shared = await second.build(usesOf(whole));
    expect(shared.stderr).toContain("BUILD SUCCEEDED");
    expect(shared.actions).toMatchObject({ local: 0, remote: 0 });
    const missing = await second.build(usesOf(cut));
    expect(missing.exitCode).not.toBe(0);
    expectError(missing, host);

    const before = registry.requests.length;
    await registry.comeBack();
    const next = await first.build(uses);
    expect(next.stderr).toContain("BUILD SUCCEEDED");
    const resumed = registry.requests.slice(before);
    expect(digestsOf(resumed)).toEqual(
      digestsOf(Object.values(tools).map((content) => ({ digest: sha256(content) }))).filter(
        (one) => !whole.includes(one),
      ),
    );
    for (const { digest, range } of resumed) {
      if (fetch === "process" && cut.includes(digest)) expect(range).toMatch(/^bytes=[1-9][0-9]*-$/);
      else expect(range).toBeUndefined();
    }
  },
);
