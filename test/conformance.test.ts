/** The registry of the tests is one: it passes the distribution spec's own suite. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support/folders.ts";
import { requireProgram } from "./support/peers.ts";
import { inProcessRegistry } from "./support/registry/in-process/for-tests.ts";
import { run } from "./support/run.ts";

test("the in-process registry passes the conformance suite: pull, push, content discovery, content management", async (context) => {
  const conformance = requireProgram(context, "conformance");
  const registry = await inProcessRegistry();
  const dir = temporaryFolder();
  const env = { OCI_REGISTRY: registry.host, OCI_TLS: "disabled", OCI_RESULTS_DIR: join(dir, "results"), HOME: dir };
  const ran = await run(conformance, [], { cwd: dir, env });
  const results = readFileSync(join(dir, "results", "junit.xml"), "utf8");
  const count = (name: string): number => Number(new RegExp(`${name}="([0-9]+)"`).exec(results)?.[1] ?? Number.NaN);
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
  expect({ failures: count("failures"), errors: count("errors") }).toEqual({ failures: 0, errors: 0 });
  expect(count("tests")).toBeGreaterThan(800);
});
