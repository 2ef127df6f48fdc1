/** Series of checks, each with its duration. A failed check is a finding, and the next check still runs. */

import { asError, type OrasClientError } from "../errors.ts";
import type { Run } from "../transfer/run.ts";
import type { DiagnosisServices } from "./services.ts";

export type CheckStatus = "ok" | "warning" | "failed" | "skipped";

export interface Check {
  /** Such as `dns`. */
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

  /**
   * Runs one check, and records the finding or the failure.
   *
   * @param work Returns the finding, and a value for later checks.
   * @returns The value; undefined after a failure.
   */
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
