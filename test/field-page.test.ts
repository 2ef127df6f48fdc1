/** docs/field.md shows the rows of scripts/field/, and each row names tests that are there. */
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { run } from "./support/run.ts";

const root = resolve(import.meta.dirname, "..");

test("field page: it is what its rows say, and every test that it names is there", async () => {
  const ran = await run(process.execPath, ["scripts/docs-field.mjs", "--check"], { cwd: root });
  expect(ran.stderr).toBe("");
  expect(ran.exitCode).toBe(0);
});
