/** Answers a tool's name in the place of a reference: a locked tool is meant, which other commands take. */
import { OrasClientError, UsageError } from "../errors.ts";
import type { Session } from "./io.ts";

/** Commands whose first argument is a reference. */
const takeReference: ReadonlySet<string> = new Set(["copy", "doctor", "info", "list", "prune", "pull", "tag"]);

/**
 * Runs a command. A name without a registry is never replaced by the lock's reference: the lock belongs to the authors
 * of the checkout, and the same words must not mean something else in another folder.
 *
 * @param first The command's first argument.
 */
export async function explainingLockedName<T>(
  { command, first }: { readonly command: string; readonly first: string | undefined },
  { services }: Pick<Session, "services">,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isNotNamed = error instanceof OrasClientError && error.code === "REGISTRY_NOT_NAMED";
    if (!isNotNamed || first === undefined || !takeReference.has(command)) throw error;
    const { isToolName } = await import("../lockfile/schema.ts");
    if (!isToolName(first)) throw error;
    const { findLockFile } = await import("../locking/find.ts");
    const { lockedNames } = await import("../verbs/lock-list.ts");
    const lock = findLockFile(services);
    const names: readonly string[] = await lockedNames(lock).catch(() => []);
    if (!names.includes(first)) throw error;
    throw new UsageError("REGISTRY_NOT_NAMED", `${first} is a tool of ${lock}, and \`${command}\` takes a reference`, {
      hint:
        `take \`buck2-oras run ${first}\` or \`buck2-oras which ${first}\` for the locked program, ` +
        "and the reference from `buck2-oras lock list --json`",
    });
  }
}
