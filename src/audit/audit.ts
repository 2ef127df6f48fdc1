/** Audit log: one JSON line per operation, successful or failed, without secrets. */
import type { Settings } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { asError, type ErrorCode, LocalIoError, OrasClientError } from "../errors.ts";
import { appendLine } from "../files/append-line.ts";
import type { Digest } from "../model/digest.ts";
import type { Origin } from "../model/source.ts";
import { withoutLogin } from "../model/without-login.ts";
import { printableJson } from "../printable.ts";

/** Longest logged reference, in characters; valid references are shorter. */
const maxReferenceLength = 1000;

export type Operation =
  | "pull"
  | "blob"
  | "push"
  | "attach"
  | "copy"
  | "import"
  | "list"
  | "info"
  | "verify"
  | "lock"
  | "run"
  | "prefetch"
  | "tag"
  | "sign"
  | "prune"
  | "clear-cache"
  | "login"
  | "logout";

export interface AuditServices {
  readonly settings: Pick<Settings, "auditLog">;
  readonly context: Pick<Context, "now" | "user" | "log">;
}

/** Facts about the artifact of an operation; inapplicable facts are left out. */
export interface AuditFacts {
  readonly digest?: Digest | undefined;
  /** Bytes of the artifact. */
  readonly size?: number | undefined;
  readonly source?: Origin | undefined;
  /** Code of a result that reports a problem without an error. */
  readonly refusal?: ErrorCode | undefined;
}

/** One line of the log. New versions only add fields. */
export interface AuditEntry {
  /** Start of the operation, ISO 8601 in UTC. */
  readonly time: string;
  readonly user: string;
  readonly operation: Operation;
  /** Reference as requested, with a user and password masked. */
  readonly reference: string;
  readonly digest: Digest | null;
  readonly bytes: number | null;
  readonly source: Origin | null;
  readonly durationMs: number;
  /** `ok` or the code of the error. */
  readonly outcome: string;
}

export interface AuditedRequest {
  readonly operation: Operation;
  /** Reference as requested. */
  readonly reference: string;
  /** Facts from the request itself, logged if the work fails. */
  readonly asked?: AuditFacts;
}

/**
 * Runs `work` and logs its outcome, if the settings name a log.
 *
 * @throws {LocalIoError} the log cannot be written after successful work: an audit log must not have gaps
 */
export async function audited<T>(
  { operation, reference, asked = {} }: AuditedRequest,
  services: AuditServices,
  work: () => Promise<T>,
  factsOf: (result: T) => AuditFacts,
): Promise<T> {
  const { settings, context } = services;
  const { auditLog } = settings;
  if (auditLog === undefined) return await work();
  const startedMs = context.now();
  const write = async (outcome: string, { digest, size, source }: AuditFacts): Promise<void> => {
    const entry: AuditEntry = {
      time: new Date(startedMs).toISOString(),
      user: context.user,
      operation,
      reference: withoutLogin(reference, maxReferenceLength),
      digest: digest ?? null,
      bytes: size ?? null,
      source: source ?? null,
      durationMs: Math.round(context.now() - startedMs),
      outcome,
    };
    await appendLine(auditLog, printableJson(entry)).catch((error: unknown) => {
      const { code, message, cause } = asError(error);
      throw new LocalIoError(code, message, {
        cause,
        hint: "name another file with --audit-log, or run without an audit log",
      });
    });
  };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const code = error instanceof OrasClientError ? error.code : "INTERNAL";
    await write(code, asked).catch(({ message }: Error) => context.log.warn(`no line in the audit log: ${message}`));
    throw error;
  }
  const facts = factsOf(result);
  await write(facts.refusal ?? "ok", facts);
  return result;
}
