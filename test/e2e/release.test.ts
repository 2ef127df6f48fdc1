/** `npm run release`, in a repository that is like this one. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { type Ran, run } from "../support/run.ts";

const root = resolve(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The files of this repository in a repository of their own, with a bundle that is theirs. */
function repository(change: (dir: string) => void) {
  const dir = temporaryFolder();
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const file of listed.toString().split("\0").filter(Boolean)) cpSync(join(root, file), join(dir, file));
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  change(dir);
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: dir, stdio: "ignore" });
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: dir, encoding: "utf8" });
  writeFileSync(join(dir, ".git-exclude"), "node_modules\n.git-exclude\n");
  git("init", "--quiet");
  git("config", "core.excludesFile", join(dir, ".git-exclude"));
  git("config", "user.name", "t");
  git("config", "user.email", "t@example.invalid");
  git("add", "--all");
  git("commit", "--quiet", "--message", "all");
  const release = (...args: string[]): Promise<Ran> =>
    run(process.execPath, ["scripts/release.mjs", ...args], { cwd: dir });
  return { dir, git, release };
}

test("release: a dry run makes each file with its checksum, changes nothing, and lists what is not ready", async (context) => {
  requireProgram(context, "git");
  const { dir, git, release } = repository((dir) => {
    writeFileSync(join(dir, "CHANGELOG.md"), `# Changelog\n\n## ${version} (unreleased)\n\nIt is new.\n`);
  });
  const ran = await release("--dry-run");
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stdout).toContain("dry run: no commit, no tag\n");
  expect(ran.stdout).toContain("not ready: package.json names no repository");
  expect(git("status", "--porcelain")).toBe("");
  expect(git("tag")).toBe("");
  const folder = join(dir, "release", version);
  const names = ["LICENSES.txt", "NOTES.md", "SHA256SUMS", `buck2-oras-${version}.tgz`, "buck2-oras.cjs"];
  expect(readdirSync(folder).sort()).toEqual(names);
  expect(readFileSync(join(folder, "NOTES.md"), "utf8")).toBe("It is new.\n");
  const sums = readFileSync(join(folder, "SHA256SUMS"), "utf8").trimEnd().split("\n");
  expect(sums).toHaveLength(names.length - 1);
  for (const line of sums) {
    const [digest, name = ""] = line.split("  ");
    const bytes = readFileSync(join(folder, name));
    expect(createHash("sha256").update(bytes).digest("hex"), name).toBe(digest);
  }
});

test("release: with a repository and a changelog it is committed and tagged, once", async (context) => {
  requireProgram(context, "git");
  const { dir, git, release } = repository((dir) => {
    const path = join(dir, "package.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...manifest, repository: "https://git.example/x.git" }));
    writeFileSync(
      join(dir, "CHANGELOG.md"),
      `# Changelog\n\n## ${version} (unreleased)\n\nNew.\n\n## 0.0.1 (2020-01-01)\n`,
    );
  });
  const ran = await release();
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(git("tag").trim()).toBe(`v${version}`);
  expect(git("log", "-1", "--format=%s").trim()).toBe(`release: ${version}`);
  expect(readFileSync(join(dir, "CHANGELOG.md"), "utf8")).toMatch(
    new RegExp(`^# Changelog\n\n## ${version} \\(\\d{4}-\\d\\d-\\d\\d\\)\n\nNew\\.\n\n## 0\\.0\\.1`),
  );
  const again = await release();
  expect(again.exitCode).toBe(1);
  expect(again.stderr).toContain(`the tag v${version} exists`);
  expect(again.stderr).toContain(`CHANGELOG.md does not begin with «${version} (unreleased)»`);
});
