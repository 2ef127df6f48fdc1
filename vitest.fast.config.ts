import { mergeConfig } from "vitest/config";
import all from "./vitest.config.ts";

/** What takes less than twenty seconds together: units, and the executable where one run of it is quick. */
const fast = [
  "test/*.test.ts",
  "test/{config,http,layout,library,lockfile,model,registry,store}/**/*.test.ts",
  "test/rules/{launcher,platform-table,rooms}.test.ts",
  "test/archive/{executable,extract,format,hostile-links,modes,oras,pack,two-readings}.test.ts",
  "test/cli/arguments.test.ts",
];

const config = mergeConfig(all, {});
config.test = { ...config.test, include: fast, isolate: false };

export default config;
