/** What all use cases together work with; put together in `compose.ts`, and by tests. */
import type { DiagnosisDeps } from "../client/diagnosis-deps.ts";
import type { ImportDeps } from "../client/import.ts";
import type { LoginDeps } from "../client/login.ts";

export type VerbDeps = DiagnosisDeps & ImportDeps & LoginDeps;
