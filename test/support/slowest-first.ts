/**
 * The order of the test files: those that take longest come first, so that the run does not end with one worker at a
 * long file and nothing left for the others. A clean clone has no durations of an earlier run to sort by.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The slowest first; half a minute and more, with all workers busy. */
const slow = [
  "e2e/import",
  "importers/real-packages",
  "e2e/example",
  "importers/import",
  "verbs/processes",
  "faults/quirks",
  "windows/programs",
  "matrix/matrix",
  "strangers/mirror",
  "verbs/reproducible",
  "strangers/package",
  "archive/properties",
  "strangers/lock-parts",
  "verbs/copy",
  "e2e/release",
  "transfer/parts",
  "tools/run",
  "strangers/staging",
  "strangers/children",
  "strangers/shims",
  "strangers/completion",
  "e2e/proto",
  "e2e/failures",
  "strangers/lock-layouts",
  "strangers/archive",
  "cli/cli",
].map((name) => `test/${name}.test.ts`);

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = slow.indexOf(relative(this.ctx.config.root, moduleId).replaceAll("\\", "/"));
      return place === -1 ? slow.length : place;
    };
    // The sort is stable: all others stay as they were.
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
