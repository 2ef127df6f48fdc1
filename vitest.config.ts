import { defineConfig } from "vitest/config";
import { SlowestFirst } from "./test/support/slowest-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/run-folder.ts", "test/support/bundle.ts", "test/support/wine-end.ts"],
    // Against what hangs. A machine that is busy with other things takes ten times as long as an idle one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    pool: "forks",
    // More than the cores of a small machine: a test waits for a good part of its time.
    maxWorkers: 4,
    sequence: { sequencer: SlowestFirst },
    reporters: ["default", "./test/support/summary-reporter.ts"],
  },
});
