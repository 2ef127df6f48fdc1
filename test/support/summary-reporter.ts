/**
 * Ends the run with what was skipped, by name and reason, what failed, by file and name, and one line of counts.
 *
 * `TEST_FAILURES` names a file for the failures: a line each, of the test file and the test's name.
 */
import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

function* casesOf(modules: ReadonlyArray<TestModule>): Generator<TestCase> {
  for (const module of modules) yield* module.children.allTests();
}

// biome-ignore lint/style/noDefaultExport: the test runner loads a reporter by its default export
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skipped = new Map<string, string[]>();
    const failed: string[] = [];
    for (const test of casesOf(modules)) {
      const result = test.result();
      if (result.state === "pending") continue;
      counts[result.state] += 1;
      if (result.state === "failed") failed.push(`${test.module.relativeModuleId}\t${test.fullName}`);
      if (result.state === "skipped") {
        const reason = result.note ?? "marked as skipped";
        skipped.set(reason, [...(skipped.get(reason) ?? []), test.fullName]);
      }
    }
    // A file that cannot be loaded has no tests to count.
    for (const module of modules.filter((one) => one.errors().length > 0)) {
      counts.failed += 1;
      failed.push(`${module.relativeModuleId}\tthe file cannot be loaded`);
    }
    for (const [reason, names] of skipped) console.log(`skipped ${names.length}: ${reason}\n  ${names.join("\n  ")}`);
    for (const failure of failed) console.log(`failed: ${failure.replace("\t", ": ")}`);
    const { TEST_FAILURES } = process.env;
    if (TEST_FAILURES !== undefined) writeFileSync(TEST_FAILURES, failed.map((failure) => `${failure}\n`).join(""));
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
