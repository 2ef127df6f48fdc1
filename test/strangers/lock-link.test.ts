/** A checkout whose lock is a link: what lies outside of the project is not its author's to have written. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";

const lockName = "oras.lock.json";

interface Projects extends LayoutProject {
  /** The checkout that a stranger wrote. */
  readonly evil: string;
  /** Another project of the user's, with a lock. */
  readonly other: string;
}

async function projects(): Promise<Projects> {
  const project = await layoutProject();
  const [evil, other] = [join(project.dir, "evil"), join(project.dir, "other")];
  for (const folder of [evil, other]) mkdirSync(folder);
  await succeeding(project.oras(["copy", "oci:layout:1.0", "oci:other/layout:1.0"]));
  await succeeding(project.oras(["lock", "add", "tool", "oci:layout:1.0"], { cwd: other }));
  return { ...project, evil, other };
}

test.each<[string, string | undefined, (project: Projects) => string]>([
  [
    "a link to another project's lock",
    ".buckconfig",
    ({ evil }) => {
      symlinkSync("../other/oras.lock.json", join(evil, lockName));
      return lockName;
    },
  ],
  [
    "a link, where the working folder is the project",
    undefined,
    ({ evil }) => {
      symlinkSync("../other/oras.lock.json", join(evil, lockName));
      return lockName;
    },
  ],
  [
    "a folder that is a link",
    ".buckroot",
    ({ evil }) => {
      symlinkSync("../other", join(evil, "third-party"));
      return "third-party/oras.lock.json";
    },
  ],
  [
    "a new lock in a folder that is a link",
    ".buckroot",
    ({ evil }) => {
      symlinkSync("../other", join(evil, "third-party"));
      return "third-party/new.json";
    },
  ],
])("%s: nothing is asked for, and nothing is written there", async (_, marker, make) => {
  const { host, seen } = await startServer(serveTool("bytes"));
  const project = await projects();
  const file = make(project);
  if (marker !== undefined) writeFileSync(join(project.evil, marker), "");
  const before = readFileSync(join(project.other, lockName), "utf8");
  const names = readdirSync(project.other);
  for (const args of [
    ["lock", "add", "evil", `${host}/t/tool:1`, "--lock", file],
    ["lock", "update", "--lock", file],
  ]) {
    const ran = await project.oras(args, { cwd: project.evil });
    expect(ran.exitCode, ran.stderr).toBe(78);
    expect(ran.stderr).toMatch(/error\[LOCK_INVALID\]: .* leads out of the project .*\n *hint: remove the link/);
  }
  expect(seen).toEqual([]);
  expect(readFileSync(join(project.other, lockName), "utf8")).toBe(before);
  expect(readdirSync(project.other)).toEqual(names);
});

test("a link inside the project, and one outside of any project, are written through", async () => {
  const { host } = await startServer(serveTool("bytes"));
  const project = await projects();
  const { evil, other, dir } = project;
  writeFileSync(join(evil, ".buckroot"), "");
  mkdirSync(join(evil, "deep"));
  symlinkSync(`../${lockName}`, join(evil, "deep", lockName));
  writeFileSync(join(evil, lockName), '{"version": 1, "tools": {}}');
  await succeeding(project.oras(["lock", "add", "inside", `${host}/t/tool:1`], { cwd: join(evil, "deep") }));
  expect(readFileSync(join(evil, lockName), "utf8")).toContain('"inside"');
  const loose = join(dir, "loose");
  mkdirSync(loose);
  renameSync(join(other, lockName), join(dir, "real.json"));
  symlinkSync("../real.json", join(loose, lockName));
  const args = ["lock", "add", "outside", `${host}/t/tool:1`, "--lock", join(loose, lockName)];
  await succeeding(project.oras(args, { cwd: evil }));
  expect(readFileSync(join(dir, "real.json"), "utf8")).toContain('"outside"');
  expect(lstatSync(join(loose, lockName)).isSymbolicLink()).toBe(true);
});
