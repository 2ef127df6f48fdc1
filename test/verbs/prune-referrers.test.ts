/** `prune` with provenance and attached files: those of a kept artifact stay, and what refers to these. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";

test.for([...realRegistries, "layout"] as const)(
  "prune on %s: the kept artifact keeps all that refers to it",
  async (name, context) => {
    const repository = name === "layout" ? "oci:layout" : `${await startRealRegistry(name, context)}/t/tool`;
    const dir = temporaryFolder();
    const json = async (...args: readonly string[]) => {
      const ran = await oras([...args, "--json"], { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
      expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
      return JSON.parse(ran.stdout);
    };
    writeFileSync(join(dir, "note"), "note");
    for (const version of ["1", "2"]) {
      writeFileSync(join(dir, "tool"), version);
      const reference = `${repository}:${version}`;
      const pushed = await json("push", reference, "--platform", "linux-x86_64=tool", "--provenance");
      await json("attach", reference, "note", "--artifact-type", "x/note", "--platform", "linux-x86_64");
      await json("attach", `${repository}@${pushed.provenance}`, "note", "--artifact-type", "x/below");
    }
    const { referrers } = await json("info", `${repository}:2`);
    expect(referrers).toHaveLength(3);
    const { tags } = await json("prune", repository, "--keep-last", "1", "--delete");
    expect(Object.fromEntries(tags.map((one: { tag: string; fate: string }) => [one.tag, one.fate]))).toEqual({
      1: "removed",
      2: "kept",
    });
    const after = await json("info", `${repository}:2`);
    expect(after.referrersMissing).toBeNull();
    expect(after.referrers).toEqual(referrers);
  },
);
