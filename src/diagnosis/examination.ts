/** Series of checks, each with its duration. A failed check is a finding, and the next check still runs. */

import { whileAwaiting } from "../context.ts";
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
  readonly #onCheck: (check: Check) => void;

  /** @param onCheck Gets each check when it is done. */
  constructor(services: DiagnosisServices, run: Run, onCheck: (check: Check) => void) {
    this.#services = services;
    this.#signal = run.signal;
    this.#onCheck = onCheck;
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
      this.#record({ name, status, detail, hint, durationMs });
    };
    try {
      const { status = "ok", detail, hint, value } = await whileAwaiting(this.#services.context.progress, name, work);
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
    this.#record({ name, status: "skipped", detail: why, hint: undefined, durationMs: 0 });
  }

  #record(check: Check): void {
    this.checks.push(check);
    this.#onCheck(check);
  }
}
