/** The dependencies of all use cases together. `compose.ts` makes them, and tests do. */
import type { DiagnosisDeps } from "../diagnosis/deps.ts";
import type { ImportDeps } from "../verbs/import.ts";
import type { LoginDeps } from "../verbs/login.ts";

export type VerbDeps = DiagnosisDeps & ImportDeps & LoginDeps;
