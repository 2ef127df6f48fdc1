/** What all use cases together work with; put together in `compose.ts`, and by tests. */
import type { DiagnosisDeps } from "../diagnosis/deps.ts";
import type { ImportDeps } from "../verbs/import.ts";
import type { LoginDeps } from "../verbs/login.ts";

export type VerbDeps = DiagnosisDeps & ImportDeps & LoginDeps;
