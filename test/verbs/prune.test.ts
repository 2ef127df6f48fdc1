/** `tag` and `prune` on a real registry and on a layout folder. */
import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { pruneSchema } from "../../src/cli/schemas/published.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { reply } from "../support/registry/in-process/exchange.ts";
import * as network from "../support/registry/in-process/faults/network.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { Ran } from "../support/run.ts";

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
  /** Pushes a tool of its own bytes, created so many days ago. */
  readonly push: (reference: string, text: string, ageDays?: number) => Promise<void>;
  /** Tag → fate. */
  readonly prune: (...args: string[]) => Promise<Record<string, string>>;
}

function desk(): Desk {
  const dir = temporaryFolder();
  const call: Desk["call"] = (...args) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  return {
    dir,
    call,
    push: async (reference, text, ageDays) => {
      writeFileSync(join(dir, "tool"), text);
      const created = new Date(Date.now() - (ageDays ?? 0) * 24 * 60 * 60 * 1000).toISOString();
      const annotation = ageDays === undefined ? [] : ["--annotation", `org.opencontainers.image.created=${created}`];
      const ran = await call("push", reference, "tool", ...annotation);
      expect(ran.exitCode, ran.stderr).toBe(0);
    },
    prune: async (...args) => {
      const ran = await call("prune", ...args, "--json");
      expect(ran.exitCode, ran.stdout).toBe(0);
      const { tags } = v.parse(pruneSchema, JSON.parse(ran.stdout));
      return Object.fromEntries(tags.map(({ tag, fate }) => [tag, fate]));
    },
  };
}

const would = "would be removed";

describe("what goes", () => {
  test("nothing that the project's lock names, and the locks are named; --json, too", async () => {
    const { call, push, prune } = desk();
    for (const version of ["1", "2", "3"]) await push(`oci:layout:${version}`, version);
    const none = await call("prune", "oci:layout", "--keep-last", "1");
    expect(none.stderr).toContain("No lock was found: nothing is kept for a lock");
    expect((await call("lock", "add", "tool", "oci:layout:1")).exitCode).toBe(0);
    expect(await prune("oci:layout", "--keep-last", "1")).toEqual({ 1: "kept", 2: would, 3: "kept" });
    const said = await call("prune", "oci:layout", "--keep-last", "1", "--lock", "oras.lock.json");
    expect(said.stderr).toMatch(/^Locks: oras\.lock\.json$/m);
  });

  test("by count: the newest stay, as versions are counted where not all have a date; nothing is removed without --delete", async () => {
    const { call, push, prune } = desk();
    for (const version of ["33.9", "33.10", "33.2"]) await push(`oci:layout:${version}`, version);
    await push("oci:layout:32.0", "dated", 1);
    await push("oci:layout:33.10-rc2", "candidate");
    await call("tag", "oci:layout:33.10", "latest");
    // Two artifacts, one of which has two names.
    expect(await prune("oci:layout", "--keep-last", "2")).toEqual({
      latest: "kept",
      "33.10": "kept",
      "33.10-rc2": "kept",
      "33.9": would,
      "33.2": would,
      "32.0": would,
    });
    expect((await call("list", "oci:layout")).stdout.split("\n")).toHaveLength(7);
  });

  test("by count and date: where all have one, it alone counts", async () => {
    const { push, prune } = desk();
    await push("oci:layout:2.0", "two", 30);
    await push("oci:layout:1.1", "patch of one", 3);
    await push("oci:layout:nightly", "nightly", 1);
    expect(await prune("oci:layout", "--keep-last", "2")).toEqual({ "1.1": "kept", nightly: "kept", "2.0": would });
  });

  test("by age: what does not say when it was created stays", async () => {
    const { push, prune } = desk();
    await push("oci:layout:old", "old", 90);
    await push("oci:layout:new", "new", 3);
    await push("oci:layout:undated", "undated");
    expect(await prune("oci:layout", "--older-than", "30")).toEqual({ old: would, new: "kept", undated: "kept" });
    expect(await prune("oci:layout", "--older-than", "30", "--keep-last", "3")).toMatchObject({ old: "kept" });
  });

  test("by pattern: other tags are left alone", async () => {
    const { push, prune } = desk();
    for (const tag of ["nightly-1", "nightly-2", "v1.0"]) await push(`oci:layout:${tag}`, tag, 90);
    expect(await prune("oci:layout", "--older-than", "30", "--tag", "nightly-*")).toEqual({
      "nightly-1": would,
      "nightly-2": would,
      "v1.0": "kept",
    });
    // A pattern is no regular expression.
    expect(await prune("oci:layout", "--older-than", "30", "--tag", "v1?0", "--tag", "v1.")).toMatchObject({
      "v1.0": "kept",
    });
  });

  test("never what a lock names, nor everything for want of a rule", async () => {
    const { call, push, prune } = desk();
    await push("oci:layout:1", "one", 90);
    await push("oci:layout:2", "two", 90);
    await call("lock", "add", "tool", "oci:layout:1");
    expect(await prune("oci:layout", "--older-than", "30", "--lock", "oras.lock.json")).toEqual({
      "1": "kept",
      "2": would,
    });
    expect((await call("prune", "oci:layout")).exitCode).toBe(64);
    expect((await call("prune", "oci:layout", "--keep-last", "1", "--lock", "none.json")).exitCode).toBe(78);
  });
});

describe("removing", () => {
  test("from a layout folder: the tag, and the blobs that nothing else names", async () => {
    const { dir, call, push, prune } = desk();
    await push("oci:layout:1", "one", 90);
    await push("oci:layout:2", "two", 3);
    expect((await call("tag", "oci:layout:2", "latest", "also")).exitCode).toBe(0);
    const blobs = join(dir, "layout/blobs/sha256");
    const before = readdirSync(blobs).length;
    // What was written lately may be of a push that is under way.
    expect(await prune("oci:layout", "--older-than", "1", "--tag", "none", "--delete")).toMatchObject({ "1": "kept" });
    const anHourAgo = new Date(Date.now() - 60 * 60 * 1000);
    for (const name of readdirSync(blobs)) utimesSync(join(blobs, name), anHourAgo, anHourAgo);
    writeFileSync(join(blobs, "0".repeat(64)), "of a push that is under way");
    expect(await prune("oci:layout", "--older-than", "30", "--delete")).toMatchObject({ "1": "removed", "2": "kept" });
    expect((await call("list", "oci:layout")).stdout.trim().split("\n").sort()).toEqual(["2", "also", "latest"]);
    // Its manifest and its file; the empty configuration is of both.
    expect(readdirSync(blobs)).toHaveLength(before - 2 + 1);
    expect((await call("pull", "oci:layout:latest", "-o", "out")).exitCode).toBe(0);
  });

  test("from a real registry", async (context) => {
    const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
    context.onTestFinished(registry.stop);
    const { call, push, prune } = desk();
    const repository = `${registry.host}/t/tool`;
    await push(`${repository}:1`, "one", 90);
    await push(`${repository}:2`, "two", 3);
    await prune(repository, "--older-than", "30", "--delete");
    expect((await call("pull", `${repository}:1`)).exitCode).toBe(66);
    expect((await call("pull", `${repository}:2`)).exitCode).toBe(0);
    expect((await call("tag", `${repository}:2`, "stable")).stdout).toBe(`Tagged: ${repository}:stable\n`);
    expect((await call("tag", `${repository}:2`, "not/a/tag")).exitCode).toBe(64);
  });

  test("a tag whose artifact another tag keeps goes alone, where the registry does that", async () => {
    const registry = await inProcessRegistry();
    const { call, push, prune } = desk();
    await push(`${registry.host}/t/tool:nightly-1`, "one", 90);
    await call("tag", `${registry.host}/t/tool:nightly-1`, "release");
    expect(
      await prune(`${registry.host}/t/tool`, "--older-than", "30", "--tag", "nightly-*", "--delete"),
    ).toMatchObject({ release: "kept" });
    expect((await call("list", `${registry.host}/t/tool`)).stdout).toBe("release\n");
  });

  test("where the registry deletes no tag alone, such a tag stays, and the rest goes", async () => {
    const registry = await inProcessRegistry((request, next) =>
      request.method === "DELETE" && !request.url.pathname.includes("/sha256:") ? reply(405) : next(),
    );
    const { call, push, prune } = desk();
    const repository = `${registry.host}/t/tool`;
    await push(`${repository}:nightly-1`, "one", 90);
    await call("tag", `${repository}:nightly-1`, "release");
    await push(`${repository}:nightly-2`, "two", 90);
    const rule = ["--older-than", "30", "--tag", "nightly-*", "--delete"];
    expect(await prune(repository, ...rule)).toMatchObject({
      "nightly-1": "kept",
      "nightly-2": "removed",
      release: "kept",
    });
    expect(
      (await call("prune", repository, ...rule)).stderr + (await call("prune", repository, ...rule)).stdout,
    ).toMatch(/the registry cannot delete a tag alone, and release is the same artifact/);
    expect((await call("list", repository)).stdout).toBe("nightly-1\nrelease\n");
  });

  test("a registry that deletes nothing says so, with what to do", async () => {
    const registry = await inProcessRegistry(
      network.answerStatus(405, 1000, undefined, ({ method }) => method === "DELETE"),
    );
    const { call, push } = desk();
    await push(`${registry.host}/t/tool:1`, "one", 90);
    const ran = await call("prune", `${registry.host}/t/tool`, "--older-than", "30", "--delete");
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toMatch(/DELETION_REFUSED\][\s\S]*hint: enable deletion in the registry/);
  });
});
