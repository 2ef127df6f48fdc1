import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { jsonSchemas } from "../../src/cli/schemas.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { darwinTool, layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";

const commands = [
  "pull",
  "blob",
  "extract",
  "list",
  "info",
  "verify",
  "clear-cache",
  "platform",
  "config",
  "lock",
  "prefetch",
  "push",
  "copy",
  "import",
  "tag",
  "prune",
  "login",
  "logout",
  "doctor",
  "completion",
];

describe("usage", () => {
  test("help lists every command, and each has help of its own", async () => {
    const help = await oras(["--help"]);
    expect(help.exitCode).toBe(0);
    for (const command of commands) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, "m"));
      const own = await oras([command, "--help"]);
      expect(own.exitCode, own.stderr).toBe(0);
      expect(own.stdout).toContain(`Usage: buck2-oras ${command}`);
    }
  });

  test("each command has examples that name it", async () => {
    const below = async (...path: readonly string[]): Promise<readonly (readonly string[])[]> => {
      const { stdout } = await oras([...path, "--help"]);
      const [, section = ""] = /\nCommands:\n([\s\S]*?)\n\n/.exec(`${stdout}\n\n`) ?? [];
      return [...section.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = ""]) => [...path, name]);
    };
    const all = [...(await below()), ...(await below("lock"))].filter((path) => path.at(-1) !== "help");
    expect(all.length).toBeGreaterThan(30);
    const without: string[] = [];
    for (const path of all) {
      const { stdout } = await oras([...path, "--help"]);
      const [, examples = ""] = /\nExamples:\n([\s\S]*?)\n\n/.exec(stdout) ?? [];
      if (!examples.includes(`buck2-oras ${path.join(" ")}`)) without.push(path.join(" "));
    }
    expect(without).toEqual([]);
  });

  test.each([
    [["pul"], /unknown command 'pul'[\s\S]*pull/],
    [["pull"], /missing required argument 'ref'/],
    [["pull", "localhost/a:1", "--plattform", "x"], /unknown option '--plattform'[\s\S]*--platform/],
    [["pull", "localhost/a:1", "--platform", "amiga"], /unknown platform[\s\S]*linux-x86_64/],
    [["pull", "localhost/a:1", "--digest", "md5:1"], /not a digest/],
    [["pull", "localhost/a:1", "--extract"], /--extract needs a folder/],
    [["pull", "a:1"], /names no registry[\s\S]*BUCK2_ORAS_REGISTRY/],
    [["blob", "localhost/a:1", "--size", "1", "-o", "x"], /does not name a blob/],
    [["blob", `localhost/a@sha256:${"0".repeat(64)}`, "--size", "many", "-o", "x"], /number of bytes/],
    [["--timeout", "soon", "platform"], /number of seconds/],
    [["push", "oci:x:1"], /either one path/],
    [["lock", "add", "a b", "oci:x:1"], /not a valid name of a tool/],
    [["clear-cache", "--max-size", "big"], /size such as/],
    [["--quiet"], /no command was given/],
    [["help", "pul"], /unknown command 'pul'[\s\S]*pull/],
    [["pul", "--help"], /unknown command 'pul'[\s\S]*pull/],
    [["lock", "help", "chek"], /unknown command 'chek'[\s\S]*check/],
    [["help", "lock", "ad"], /unknown command 'ad'[\s\S]*add/],
    [["logout"], /no registry was named[\s\S]*buck2-oras logout HOST/],
  ])("%j is a usage error with a hint", async (args, message) => {
    const ran = await oras(args, { cwd: temporaryFolder() });
    expect(ran).toMatchObject({ exitCode: 64, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/^error\[[A-Z_]+\]: /);
    expect(ran.stderr).toContain("  hint: ");
  });
});

describe("JSON", () => {
  test("each command prints one object of its schema", async () => {
    const project = await layoutProject();
    const linux = ["--platform", "linux-x86_64"];
    writeFileSync(join(project.dir, "a.txt"), "a");
    const calls = {
      pull: ["pull", "oci:layout:1.0", ...linux, "-o", "out"],
      blob: ["blob", `oci:layout@${sha256(linuxTool)}`, "--size", String(linuxTool.length), "-o", "tool"],
      list: ["list", "oci:layout"],
      info: ["info", "oci:layout:1.0"],
      verify: ["verify", "a.txt", sha256("a")],
      platform: ["platform"],
      "show-config": ["config"],
      logout: ["logout", "reg.example"],
      doctor: ["doctor", "oci:layout:1.0"],
      lock: ["lock", "add", "tool", "oci:layout:1.0"],
      "lock-check": ["lock", "check"],
      prefetch: ["prefetch"],
      "lock-check-online": ["lock", "check", "--online"],
      push: ["push", "oci:layout:2.0", "a.txt"],
      import: ["import", "file:{platform}/tool", "oci:imported:1.0"],
      tag: ["tag", "oci:layout:1.0", "latest"],
      prune: ["prune", "oci:layout", "--keep-last", "5"],
      copy: ["copy", "oci:layout:1.0", "oci:copied:1.0"],
      "clear-cache": ["clear-cache"],
      error: ["pull", "oci:layout:9"],
    } as const;
    for (const [name, args] of Object.entries(calls)) {
      const ran = await project.oras([...args, "--json"]);
      expect(ran.exitCode, `${name}: ${ran.stderr}`).toBe(name === "error" ? 66 : 0);
      expect(ran.stderr).toBe("");
      const schema = jsonSchemas[name as keyof typeof jsonSchemas];
      const result = v.safeParse(v.strictObject(schema.entries), JSON.parse(ran.stdout));
      expect(result.issues ?? [], name).toEqual([]);
    }
  });

  test("a usage error is JSON too", async () => {
    const ran = await oras(["pul", "--json"]);
    expect(ran).toMatchObject({ exitCode: 64, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "USAGE_INVALID", exitCode: 64 } });
  });
});

/** Gives the file of a manifest another name, as a publisher may. */
function retitle(layout: string, tag: string, title: string): void {
  const file = join(layout, "index.json");
  const index = JSON.parse(readFileSync(file, "utf8"));
  const entry = index.manifests.find(
    ({ annotations }: { annotations?: Record<string, string> }) =>
      annotations?.["org.opencontainers.image.ref.name"] === tag,
  );
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const manifest = JSON.parse(readFileSync(blob(entry.digest), "utf8"));
  manifest.layers[0].annotations["org.opencontainers.image.title"] = title;
  const text = JSON.stringify(manifest);
  entry.digest = sha256(text);
  entry.size = text.length;
  writeFileSync(blob(entry.digest), text);
  writeFileSync(file, JSON.stringify(index));
}

describe("pull from a layout", () => {
  test("the platform decides; a missing one names those that there are", async () => {
    const project = await layoutProject();
    const darwin = await project.oras(["pull", "oci:layout:1.0", "--platform", "darwin-arm64", "--json"]);
    expect(JSON.parse(darwin.stdout)).toMatchObject({
      digest: sha256(darwinTool),
      platform: "darwin-arm64",
      origin: "layout",
    });
    const oci = await project.oras(["pull", "oci:layout:1.0", "--platform", "darwin/arm64", "--json"]);
    expect(JSON.parse(oci.stdout)).toMatchObject({ digest: sha256(darwinTool), origin: "cache" });
    const missing = await project.oras(["pull", "oci:layout:1.0", "--platform", "windows-x86_64"]);
    expect(missing.exitCode).toBe(66);
    expect(missing.stderr).toMatch(
      /PLATFORM_NOT_FOUND[\s\S]*hint: name a platform of the artifact with --platform: darwin-arm64, linux-x86_64/,
    );
  });

  test("a tag template is filled in; an unpushed platform is not found", async () => {
    const project = await layoutProject();
    await project.oras(["push", "oci:layout:1-linux-x86_64", "linux-x86_64/tool"]);
    const pulled = await project.oras(["pull", "oci:layout:1-{platform}", "--platform", "linux-x86_64", "--json"]);
    expect(JSON.parse(pulled.stdout)).toMatchObject({ digest: sha256(linuxTool), platform: "linux-x86_64" });
    expect((await project.oras(["pull", "oci:layout:1-{platform}", "--platform", "darwin-arm64"])).exitCode).toBe(66);
  });

  test("--digest: cached content is returned without asking; other content is refused and not placed", async () => {
    const project = await layoutProject();
    const args = ["pull", "oci:layout:1.0", "--platform", "linux-x86_64", "-o", "out"];
    const wrong = await project.oras([...args, "--digest", sha256(darwinTool)]);
    expect(wrong.exitCode).toBe(65);
    expect(wrong.stderr).toContain("CONTENT_DIGEST_MISMATCH");
    expect(existsSync(join(project.dir, "out"))).toBe(false);
    const right = await project.oras([...args, "--digest", sha256(linuxTool).slice("sha256:".length)]);
    expect(right.exitCode, right.stderr).toBe(0);
    const nobody = ["pull", "localhost:1/nobody/asked:1", "--digest", sha256(linuxTool)];
    expect((await project.oras(nobody)).exitCode).toBe(0);
  });

  test("several files need -o and are placed by their titles", async () => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, "linux-x86_64", "note.txt"), "note");
    await project.oras(["push", "oci:layout:folder", "linux-x86_64"]);
    const without = await project.oras(["pull", "oci:layout:folder"]);
    expect(without.exitCode).toBe(64);
    expect(without.stderr).toContain("OUTPUT_REQUIRED");
    const pinned = await project.oras(["pull", "oci:layout:folder", "-o", "out", "--digest", sha256("x")]);
    expect(pinned.exitCode).toBe(64);
    expect(pinned.stderr).toMatch(/pin its manifest instead: oci:layout@sha256:[0-9a-f]{64}/);
    const pulled = await project.oras(["pull", "oci:layout:folder", "-o", "out"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readdirSync(join(project.dir, "out/linux-x86_64")).sort()).toEqual(["note.txt", "tool"]);
  });

  test.each(["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "NUL", "a\\b", "x:ads", "dot."])(
    "a title %j is refused and nothing is written",
    async (title) => {
      const project = await layoutProject();
      const path = "linux-x86_64/tool";
      const refused = await project.oras(["push", "oci:layout:evil", path, "--title", title]);
      expect(refused.exitCode, refused.stderr).toBe(64);
      // Others are not as careful.
      const pushed = await project.oras(["push", "oci:layout:evil", path]);
      expect(pushed.exitCode, pushed.stderr).toBe(0);
      retitle(join(project.dir, "layout"), "evil", title);
      const ran = await project.oras(["pull", "oci:layout:evil", "-o", "out/deep"]);
      expect(ran.exitCode).toBe(65);
      expect(existsSync(join(project.dir, "out"))).toBe(false);
    },
  );
});
