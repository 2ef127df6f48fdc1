/** Services of all use cases together; created by `compose.ts` and by tests. */
import type { DiagnosisServices } from "../diagnosis/services.ts";
import type { Run } from "../transfer/run.ts";
import type { ImportServices } from "../verbs/import.ts";
import type { LoginServices } from "../verbs/login.ts";
import type { TrustRootServices } from "../verbs/trust-root.ts";

export type VerbServices = DiagnosisServices & ImportServices & LoginServices & TrustRootServices;

/** Services for several requests, each with a run of its own. */
export interface SharedServices {
  readonly services: VerbServices;
  /** Aborted at the end of the process. */
  readonly signal: AbortSignal;
  /** @param signal Aborted when nobody waits for the answer any more. */
  readonly request: <T>(signal: AbortSignal, answer: (services: VerbServices, run: Run) => Promise<T>) => Promise<T>;
}
