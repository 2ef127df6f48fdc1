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
  const build = files["platforms/BUCK"] ?? "";
  const [first = "", ...others] = build
    .split("\n\n")
    .filter((part) => !/name = "(?!linux-x86_64|execution)/.test(part));
  expect(page).toContain(`# platforms/BUCK\n${[first, ...others].join("\n\n")}\`\`\``);
});
