/** Ends the run with what was skipped, by name and reason, and one line of counts. */
import type { Reporter, TestCase, TestModule } from "vitest/node";

function* casesOf(modules: ReadonlyArray<TestModule>): Generator<TestCase> {
  for (const module of modules) yield* module.children.allTests();
}

// biome-ignore lint/style/noDefaultExport: the test runner loads a reporter by its default export
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skipped = new Map<string, string[]>();
    for (const test of casesOf(modules)) {
      const result = test.result();
      if (result.state === "pending") continue;
      counts[result.state] += 1;
      if (result.state === "skipped") {
        const reason = result.note ?? "marked as skipped";
        skipped.set(reason, [...(skipped.get(reason) ?? []), test.fullName]);
      }
    }
    // A file that cannot be loaded has no tests to count.
    for (const module of modules) if (module.errors().length > 0) counts.failed += 1;
    for (const [reason, names] of skipped) console.log(`skipped ${names.length}: ${reason}\n  ${names.join("\n  ")}`);
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
