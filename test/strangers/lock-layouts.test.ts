/** Whoever wrote the checkout wrote its lock: the layout folders that it names are the project's, and no other of this machine. */
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { succeeding } from "../support/succeeding.ts";

const lockName = "oras.lock.json";

interface Checkout extends LayoutProject {
  /** The checkout; beside it is a layout `outside`, which is the user's own. */
  readonly checkout: string;
}

/** A checkout with a lock of its layout `layout`. */
async function checkout(): Promise<Checkout> {
  const project = await layoutProject();
  const folder = join(project.dir, "checkout");
  mkdirSync(folder);
  await succeeding(project.oras(["copy", "oci:layout:1.0", "oci:checkout/layout:1.0"]));
  renameSync(join(project.dir, "layout"), join(project.dir, "outside"));
  await succeeding(project.oras(["lock", "add", "tool", "oci:layout:1.0"], { cwd: folder }));
  return { ...project, checkout: folder };
}

function name(project: Checkout, layout: string): void {
  const file = join(project.checkout, lockName);
  writeFileSync(file, readFileSync(file, "utf8").replaceAll("oci:layout", `oci:${layout}`));
}

describe("a lock that is read", () => {
  const commands = [
    ["lock", "update"],
    ["lock", "update", "tool"],
    ["lock", "check"],
    ["lock", "check", "--online"],
    ["copy", "--lock", lockName, "oci:taken"],
  ];

  test.each<[string, (project: Checkout) => string]>([
    ["a path that goes up", () => "../outside"],
    ["an absolute path", (project) => join(project.dir, "outside")],
    ["an absolute path inside", (project) => join(project.checkout, "layout")],
    ["an absolute path of Windows", () => "C:/outside"],
    ["a link that leads outside", () => "linked"],
    ["a folder below a link", () => "up/outside"],
    ["a link that leads nowhere", () => "dangling"],
  ])("%s is refused by every command, and nothing of it is taken", async (_, layoutOf) => {
    const project = await checkout();
    symlinkSync("../outside", join(project.checkout, "linked"));
    symlinkSync("..", join(project.checkout, "up"));
    symlinkSync("../later", join(project.checkout, "dangling"));
    const layout = layoutOf(project);
    name(project, layout);
    const before = readFileSync(join(project.checkout, lockName), "utf8");
    for (const args of commands) {
      const ran = await project.oras(args, { cwd: project.checkout });
      expect(ran.exitCode, ran.stderr).toBe(78);
      expect(ran.stderr).toContain(`error[LOCK_INVALID]: ${lockName} names the layout folder ${layout}, which is not`);
      expect(ran.stderr).toContain("hint: copy the layout into the project");
    }
    expect(readFileSync(join(project.checkout, lockName), "utf8")).toBe(before);
    expect(existsSync(join(project.checkout, "taken"))).toBe(false);
  });

  test("copy from a folder that the user names does not look where the lock says", async () => {
    const project = await checkout();
    name(project, "../outside");
    const args = ["copy", "--lock", lockName, "oci:layout", "oci:carried"];
    await succeeding(project.oras(args, { cwd: project.checkout }));
    expect(existsSync(join(project.checkout, "carried/index.json"))).toBe(true);
  });

  test("links that stay inside, and a lock in a folder of the project, are fine", async () => {
    const project = await checkout();
    symlinkSync("layout", join(project.checkout, "linked"));
    name(project, "linked");
    for (const args of commands) await succeeding(project.oras(args, { cwd: project.checkout }));
    const deep = join(project.checkout, "third-party");
    mkdirSync(deep);
    const add = ["lock", "add", "tool", "oci:layout:1.0", "--lock", "third-party/oras.lock.json"];
    await succeeding(project.oras(add, { cwd: project.checkout }));
    // From the folder itself, the file of Buck2 tells where the project begins.
    expect((await project.oras(["lock", "update"], { cwd: deep })).exitCode).toBe(78);
    for (const marker of [".buckconfig", ".buckroot"]) {
      writeFileSync(join(project.checkout, marker), "");
      await succeeding(project.oras(["lock", "update"], { cwd: deep }));
    }
  });

  test("the home folder is no project of its checkouts", async () => {
    const project = await checkout();
    name(project, "../outside");
    const args = ["lock", "update", "--lock", `checkout/${lockName}`];
    const ran = await project.oras(args, { env: { HOME: project.dir } });
    expect(ran.exitCode, ran.stderr).toBe(78);
  });
});

describe("lock add", () => {
  test("a layout outside is refused, and no lock is made", async () => {
    const project = await checkout();
    symlinkSync("../outside", join(project.checkout, "linked"));
    for (const layout of ["../outside", join(project.dir, "outside"), "linked"]) {
      const ran = await project.oras(["lock", "add", "tool", `oci:${layout}:1.0`, "--lock", "new.json"], {
        cwd: project.checkout,
      });
      expect(ran.exitCode, ran.stderr).toBe(64);
      expect(ran.stderr).toMatch(
        /error\[USAGE_INVALID\].*is not inside the project[\s\S]*hint: copy the layout into the project/,
      );
    }
    expect(existsSync(join(project.checkout, "new.json"))).toBe(false);
  });

  test("an absolute path inside is written from the lock's folder", async () => {
    const project = await checkout();
    const layout = `oci:${join(project.checkout, "layout")}:1.0`;
    await succeeding(project.oras(["lock", "add", "absolute", layout], { cwd: project.checkout }));
    const { tools } = JSON.parse(readFileSync(join(project.checkout, lockName), "utf8"));
    expect(tools.absolute.reference).toBe("oci:layout:1.0");
    expect(tools.absolute).toEqual(tools.tool);
  });
});
