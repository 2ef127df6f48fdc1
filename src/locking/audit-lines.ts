/** The lines of a lock's change in the audit log: one for each tool, about what was written in the end. */
import { type AuditServices, audited } from "../audit/audit.ts";
import type { LockChange } from "./lock-change.ts";

/** A tool that a command looks up, with its reference as in the lock. */
export interface LookedUp {
  readonly name: string;
  readonly reference: string;
}

/**
 * Runs the work, and logs a line for each tool. The digest is that of the lock after the command: a version that is left or refused has
 * none, nor has a tool beside a refused one, since nothing is written then.
 */
export async function auditedTools(
  tools: readonly LookedUp[],
  services: AuditServices,
  work: () => Promise<readonly LockChange[]>,
): Promise<readonly LockChange[]> {
  const changing = work();
  const lines = tools.map(({ name, reference }) =>
    audited(
      { operation: "lock", reference },
      services,
      () => changing,
      (changes) => {
        const change = changes.find(({ tool }) => tool === name);
        return change?.change === "left" ? { refusal: "VERSION_AGE_REFUSED" } : { digest: change?.digest };
      },
    ),
  );
  // All lines are written before the command ends, also those of a failure.
  const failed = (await Promise.allSettled(lines)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return await changing;
}
