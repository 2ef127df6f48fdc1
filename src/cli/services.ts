/** The dependencies of all use cases together. `compose.ts` makes them, and tests do. */
import type { DiagnosisServices } from "../diagnosis/services.ts";
import type { ImportServices } from "../verbs/import.ts";
import type { LoginServices } from "../verbs/login.ts";

export type VerbServices = DiagnosisServices & ImportServices & LoginServices;
