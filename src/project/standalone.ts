/** The toolchain that needs no Node: a standalone executable that the lock names, and that Buck2 itself fetches. */
import { type Lock, type LockedTool, toolOf } from "../lockfile/schema.ts";

/** Name of the locked executable, in the lock and as a target. */
export const standaloneName = "buck2-oras";

/** True for an executable that Buck2 can fetch itself, on all platforms: one plain file, without a login. */
function isNative({ platforms }: LockedTool): boolean {
  const all = Object.values(platforms);
  return (
    all.length > 0 &&
    all.every(
      ({ access, layers, repository }) =>
        (access === "http" || access === "https") &&
        !repository.startsWith("oci:") &&
        layers.length === 1 &&
        layers[0]?.format === "raw",
    )
  );
}

/** Whether the lock has the executable: for Buck2 to fetch, in a form that Buck2 cannot fetch, or not at all. */
export function lockedStandalone(lock: Lock | undefined): "native" | "unfit" | "missing" {
  const tool = lock === undefined ? undefined : toolOf(lock, standaloneName);
  if (tool === undefined) return "missing";
  return isNative(tool) ? "native" : "unfit";
}

const steps = {
  native: "",
  missing: `\`buck2-oras lock add ${standaloneName} REFERENCE\` with a published standalone executable (docs/standalone.md of buck2-oras), then `,
  unfit: `publish ${standaloneName} as plain files (\`push --compression none\`) where no login is asked for, and run \`buck2-oras lock update ${standaloneName}\`, then `,
};

/** Advice for the user of a standalone executable, whose project has the toolchain that needs Node. */
export function standaloneAdvice(state: keyof typeof steps): string {
  return `the toolchain runs buck2-oras with the Node.js of the machine that builds. For machines without Node.js: ${steps[state]}set \`cli\``;
}
