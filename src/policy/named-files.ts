/** Keys and trust roots that policies name. One that cannot be read is an error: a policy without its key is no missing policy. */
import type { Services } from "../artifact/services.ts";
import { formatPolicyPrefix, type PolicyFile } from "../config/policies.ts";
import type { Context } from "../context.ts";
import { ConfigurationError, OrasClientError } from "../errors.ts";
import { readTrustRoot, type TrustRoot } from "../signature/trust-root.ts";
import { readVerifyingKey, type VerifyingKey } from "../signature/verifying-key.ts";

export interface NamedPolicy {
  /** Absolute path of the configuration file. */
  readonly file: string;
  /** As in the file. */
  readonly prefix: string;
}

interface Failure {
  readonly cause: unknown;
  /** The step that brings back a missing file. */
  readonly restoring: string;
}

function unusable({ file, prefix }: NamedPolicy, { cause, restoring }: Failure): unknown {
  if (!(cause instanceof OrasClientError)) return cause;
  // A missing file of a command line is another mistake than one of a configuration.
  const isContent = cause.code === "KEY_INVALID" || cause.code === "TRUST_ROOT_INVALID";
  const step = isContent ? (cause.hint ?? restoring) : restoring;
  return new ConfigurationError(
    isContent ? cause.code : "CONFIG_INVALID",
    `the policy for ${prefix} in ${file} cannot be applied`,
    { cause, hint: `${step}; or correct the policy in ${file}` },
  );
}

/** @throws {ConfigurationError} `KEY_INVALID`, `CONFIG_INVALID` */
export async function keyOfPolicy(named: NamedPolicy, path: string, context: Context): Promise<VerifyingKey> {
  try {
    return await readVerifyingKey(path, context);
  } catch (cause) {
    throw unusable(named, { cause, restoring: `restore the public key ${path}` });
  }
}

/** @throws {ConfigurationError} `TRUST_ROOT_INVALID`, `CONFIG_INVALID` */
export async function rootOfPolicy(named: NamedPolicy, path: string, context: Context): Promise<TrustRoot> {
  try {
    return await readTrustRoot(path, context);
  } catch (cause) {
    throw unusable(named, { cause, restoring: `fetch the trust root with \`buck2-oras trust-root -o ${path}\`` });
  }
}

/** A file that a policy names, and that cannot serve. */
export interface BrokenPolicy extends NamedPolicy {
  readonly kind: "key" | "root";
  /** Absolute path. */
  readonly path: string;
  readonly error: OrasClientError;
}

/** Reads all keys and trust roots of the policies, also of those that decide nothing here. */
export async function findBrokenPolicies(
  files: readonly PolicyFile[],
  { context, limitOpen }: Pick<Services, "context" | "limitOpen">,
): Promise<readonly BrokenPolicy[]> {
  const named = files.flatMap(({ file, policies }) =>
    policies.flatMap(({ prefix, signers = [], trustRoot }) => {
      const at = { file, prefix: formatPolicyPrefix(prefix) };
      return [
        ...signers.flatMap((one) =>
          "key" in one ? [{ ...at, kind: "key" as const, path: one.key, read: readVerifyingKey }] : [],
        ),
        ...(trustRoot === undefined ? [] : [{ ...at, kind: "root" as const, path: trustRoot, read: readTrustRoot }]),
      ];
    }),
  );
  const faults = await Promise.all(
    named.map(async ({ read, ...at }) => {
      try {
        await limitOpen<unknown>(() => read(at.path, context));
        return [];
      } catch (error) {
        if (error instanceof OrasClientError) return [{ ...at, error }];
        throw error;
      }
    }),
  );
  return faults.flat();
}
