/** The files of docs/remote-execution.md that people copy are those that the tests build with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { executionPlatforms, executionPlatformsConfig } from "./support/platform-targets.ts";

test("remote execution page: its execution platforms are those of the tests", () => {
  const page = readFileSync(join(import.meta.dirname, "../docs/remote-execution.md"), "utf8");
  const files = executionPlatforms(["linux-x86_64"], "strict");
  expect(page).toContain(`# platforms/execution.bzl\n${files["platforms/execution.bzl"]}\`\`\``);
  expect(page).toContain(executionPlatformsConfig);
  expect(page).toContain(`# platforms/BUCK\n${withoutOtherPlatforms(files)}\`\`\``);
  const withFetches = withoutOtherPlatforms(executionPlatforms(["linux-x86_64"], "strict", "linux-x86_64"));
  expect(page).toContain(`\n${withFetches.slice(withFetches.indexOf("constraint_setting"))}\`\`\``);
});

function withoutOtherPlatforms(files: Readonly<Record<string, string>>): string {
  const [first = "", ...others] = (files["platforms/BUCK"] ?? "")
    .split("\n\n")
    .filter((part) => !/^platform\(\n {4}name = "(?!linux-x86_64")/.test(part));
  return [first, ...others].join("\n\n");
}
