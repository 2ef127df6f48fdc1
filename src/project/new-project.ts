/** Configuration of a project that has none: what Buck2 needs for its bundled prelude. */
import type { BuckConfig } from "./buckconfig.ts";

const detector = ["root", "prelude", "toolchains"]
  .map((cell) => `target:${cell}//...->prelude//platforms:default`)
  .join(" \\\n    ");

/** The prelude names cells of other repositories, which lead to the empty cell `none`. */
const text = `[cells]
  root = .
  prelude = prelude
  toolchains = toolchains
  none = none

[cell_aliases]
  config = prelude
  ovr_config = prelude
  fbcode = none
  fbsource = none
  fbcode_macros = none
  buck = none

[external_cells]
  prelude = bundled

[parser]
  target_platform_detector_spec = ${detector}

[build]
  execution_platforms = prelude//platforms:default
`;

const cells = new Map([
  ["root", "."],
  ["prelude", "prelude"],
  ["toolchains", "toolchains"],
  ["none", "none"],
]);

const config: BuckConfig = {
  get: () => undefined,
  section: (name) => (name === "cells" ? cells : new Map()),
  unread: [],
};

export const newProject = { text, config };
