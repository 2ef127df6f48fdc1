/**
 * Demands of a project's file that is ignored for its owner. Whoever wrote the file may be a stranger, so one bit of it
 * counts: whether it demands something. Without this, the owner of a file would decide whether a policy exists.
 */
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno } from "../errors.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { maxConfigBytes } from "./file.ts";
import { ownersOf } from "./project-root.ts";
import type { Settings } from "./settings.ts";

/** The demands of policies that a command obeys. */
export type PolicyAspect = "maxAgeDays" | "minAgeDays" | "signers" | "source";

/** Demands on locked versions. */
export const versionAspects = ["signers", "minAgeDays", "maxAgeDays"] as const;

type Demands = "none" | "some" | "unreadable";

/** A policy that only warns is no demand: that the file is ignored is a warning, too. */
async function demandsIn(path: string, aspects: readonly PolicyAspect[]): Promise<Demands> {
  try {
    const { bytes } = await readRegularFile(path, maxConfigBytes);
    const { parseConfig } = await import("./parse.ts");
    const { policies = [] } = await parseConfig(bytes.toString("utf8"), path);
    // `minAgeDays: 0` only exempts.
    const isDemand = policies.some((one) => one.action !== "warn" && aspects.some((aspect) => one[aspect]));
    return isDemand ? "some" : "none";
  } catch (error) {
    // The error is not shown: root could be led by a link to a file whose words are nobody's business.
    return isErrno(error, "ENOENT") ? "none" : "unreadable";
  }
}

function hintFor(path: string, { userId }: Context): string {
  const own = `make ${path} and its folder your own by chown`;
  const [owner] = ownersOf(path).filter((one) => one !== userId);
  // Under sudo, files of the caller count. A container that runs as root is such a caller's.
  return userId === 0 && owner !== undefined
    ? `if you trust the user ${owner}, set SUDO_UID=${owner}, as sudo does, or ${own}`
    : `run the command as the owner of the checkout, or ${own}`;
}

/**
 * An ignored file is no missing policy: a command that obeys policies ends where the file may demand something.
 *
 * @throws {ConfigurationError} `CONFIG_INVALID`
 */
export async function checkPoliciesKnown(
  aspects: readonly PolicyAspect[],
  { settings, context }: { readonly settings: Pick<Settings, "ignoredFiles">; readonly context: Context },
): Promise<void> {
  for (const path of settings.ignoredFiles) {
    const demands = await demandsIn(path, aspects);
    if (demands === "none") continue;
    const why =
      demands === "some"
        ? "the file has policies, and another user owns it"
        : "another user owns the file, and it cannot be read";
    throw new ConfigurationError("CONFIG_INVALID", `the policies of ${path} do not count: ${why}`, {
      hint: hintFor(path, context),
    });
  }
}
