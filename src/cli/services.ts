/** Services of all use cases together; created by `compose.ts` and by tests. */
import type { DiagnosisServices } from "../diagnosis/services.ts";
import type { ImportServices } from "../verbs/import.ts";
import type { LoginServices } from "../verbs/login.ts";

export type VerbServices = DiagnosisServices & ImportServices & LoginServices;
