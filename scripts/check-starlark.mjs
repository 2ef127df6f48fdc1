/**
 * Checks the Starlark files: buildifier (format and lint), then Buck2's own lint and typecheck.
 *
 * What is not installed is skipped and named.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { hasBuck2, root, withBuck2 } from "./buck2.mjs";

const listed = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "BUCK", "**/BUCK", "*.bzl"],
  {
    cwd: root,
    encoding: "utf8",
  },
);
const files = listed.split("\n").filter((file) => file !== "" && existsSync(join(root, file)));

/** The example is a project of its own: this one's Buck2 does not see it. */
const ownFiles = files.filter((file) => !file.startsWith("examples/"));

function fail(error) {
  console.error(`${error.stdout ?? ""}${error.stderr ?? ""}` || error.message);
  process.exit(1);
}

const buildifier = ["buildifier", join(homedir(), "go", "bin", "buildifier")].find(
  (program) => spawnSync(program, ["--version"]).status === 0,
);
try {
  if (buildifier === undefined) {
    console.log("skipped buildifier: it is not installed");
  } else {
    execFileSync(buildifier, ["-mode=check", "-lint=warn", ...files], { cwd: root, encoding: "utf8", stdio: "pipe" });
    console.log(`buildifier has nothing to say of ${files.length} files`);
  }
  if (!hasBuck2()) {
    console.log("skipped buck2 starlark lint and typecheck: buck2 is not installed");
  } else {
    withBuck2((buck2) => {
      buck2("starlark", "lint", ...ownFiles);
      buck2("starlark", "typecheck", ...ownFiles.filter((file) => file.endsWith(".bzl")));
    });
    console.log(`buck2 starlark lint and typecheck have nothing to say of ${ownFiles.length} files`);
  }
} catch (error) {
  fail(error);
}
