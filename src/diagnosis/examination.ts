/** A series of checks, each with its time; what goes wrong in one is a finding, and the next one is made. */

import { asError, type OrasClientError } from "../errors.ts";
import type { Run } from "../transfer/run.ts";
import type { DiagnosisServices } from "./services.ts";

export type CheckStatus = "ok" | "warning" | "failed" | "skipped";

export interface Check {
  /** Such as `dns`; the order is that of the checks. */
  readonly name: string;
  readonly status: CheckStatus;
  readonly detail: string;
  readonly hint: string | undefined;
  readonly durationMs: number;
}

export interface Finding {
  readonly status?: CheckStatus;
  readonly detail: string;
  readonly hint?: string;
}

export class Examination {
  readonly checks: Check[] = [];
  failure: OrasClientError | undefined;
  readonly #services: DiagnosisServices;
  readonly #signal: AbortSignal;

  constructor(services: DiagnosisServices, run: Run) {
    this.#services = services;
    this.#signal = run.signal;
  }

  /** @param work Gives what was found, and a value for the checks that come after. */
  async check<T>(name: string, work: () => Promise<Finding & { readonly value?: T }>): Promise<T | undefined> {
    const startedMs = this.#services.context.now();
    const done = (status: CheckStatus, detail: string, hint: string | undefined): void => {
      const durationMs = Math.round(this.#services.context.now() - startedMs);
      this.checks.push({ name, status, detail, hint, durationMs });
    };
    try {
      const { status = "ok", detail, hint, value } = await work();
      done(status, detail, hint);
      return value;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = asError(thrown);
      this.failure ??= error;
      done("failed", `${error.message} (${error.code})`, error.hint);
      return undefined;
    }
  }

  skip(name: string, why: string): void {
    this.checks.push({ name, status: "skipped", detail: why, hint: undefined, durationMs: 0 });
  }
}
