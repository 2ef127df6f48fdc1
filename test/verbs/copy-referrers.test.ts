/** `copy` with referrers: all arrive, are listed, and are listed again after an interruption. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { altering } from "../support/registry/in-process/faults/fault.ts";
import { noReferrers } from "../support/registry/in-process/faults/vendors.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";

function desk() {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "tool");
  const json = async (...args: readonly string[]) => {
    const ran = await oras([...args, "--json"], { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    return JSON.parse(ran.stdout);
  };
  /** A tool with ten notes, provenance, and a note on the provenance. */
  const publish = async (reference: string): Promise<readonly string[]> => {
    const pushed = await json("push", reference, "--platform", "linux-x86_64=tool", "--provenance");
    const digests = [pushed.provenance];
    for (let index = 0; index < 10; index += 1) {
      writeFileSync(join(dir, `note-${index}`), `${index}`);
      const platform = index % 2 === 0 ? [] : ["--platform", "linux-x86_64"];
      const attached = await json("attach", reference, `note-${index}`, "--artifact-type", "x/note", ...platform);
      digests.push(attached.digest);
    }
    const [repository = ""] = reference.split(/:[^:]*$/);
    const below = await json("attach", `${repository}@${pushed.provenance}`, "tool", "--artifact-type", "x/below");
    return [...digests, below.digest].sort();
  };
  const listed = async (reference: string): Promise<readonly string[]> => {
    const { referrers, referrersMissing } = await json("info", reference);
    expect(referrersMissing).toBeNull();
    return referrers.map(({ digest }: { digest: string }) => digest).sort();
  };
  return { json, publish, listed };
}

test.for(realRegistries)("copy to %s: every referrer comes along and is listed", async (name, context) => {
  const host = await startRealRegistry(name, context);
  const { json, publish, listed } = desk();
  const digests = await publish("oci:layout:1");
  await json("copy", "oci:layout:1", `${host}/t/tool:1`);
  expect(await listed(`${host}/t/tool:1`)).toEqual(digests);
  expect((await json("copy", "oci:layout:1", `${host}/t/tool:1`)).bytesSent).toBe(0);
  await json("copy", `${host}/t/tool:1`, "oci:back:1");
  expect(await listed("oci:back:1")).toEqual(digests);
});

test("copy: referrers that a target without the API has and does not list are listed again", async () => {
  const unaware = altering((_request, before) => {
    const { "oci-subject": _, ...headers } = before.headers;
    return { ...before, headers };
  });
  const registry = await inProcessRegistry(noReferrers(), unaware);
  const { json, publish, listed } = desk();
  const digests = await publish("oci:layout:1");
  const reference = `${registry.host}/t/tool:1`;
  await json("copy", "oci:layout:1", reference);
  const { tags } = registry.storage.open("t/tool");
  for (const tag of [...tags.keys()]) if (tag.startsWith("sha256-")) tags.delete(tag);
  expect(await listed(reference)).toEqual([]);
  await json("copy", "oci:layout:1", reference);
  expect(await listed(reference)).toEqual(digests);
});
