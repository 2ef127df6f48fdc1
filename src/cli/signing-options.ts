/** The options of a key that signs, and the password that opens the key. */
import { UsageError } from "../errors.ts";
import type { Signature } from "../publish/sign.ts";
import type { SigningKey } from "../signature/signing-key.ts";
import type { CliIo, Session } from "./io.ts";
import { ask, readSecretFromStdin } from "./prompt.ts";

export interface PasswordOptions {
  readonly keyPasswordStdin?: boolean;
}

export interface SigningOptions extends PasswordOptions {
  readonly signKey?: string;
}

/** Help of the option that names the key. */
export const keyHelp =
  "private key: a file that `cosign generate-key-pair` or `openssl genpkey` wrote, or env://NAME for its text in a variable";

export const passwordFlags = "--key-password-stdin";
export const passwordHelp =
  "read the key's password from standard input (default: COSIGN_PASSWORD, or a prompt on a terminal)";

const passwordHint = "set COSIGN_PASSWORD, or pipe the password into --key-password-stdin";

/** Reads a key. The password is asked for only if the key has a password. */
export async function readKey(
  where: string,
  { keyPasswordStdin }: PasswordOptions,
  io: CliIo,
  { services, run }: Pick<Session, "services" | "run">,
): Promise<SigningKey> {
  const { readSigningKey } = await import("../signature/signing-key.ts");
  return await readSigningKey(where, services.context, async (name) => {
    if (keyPasswordStdin === true) return await readSecretFromStdin(io);
    const { COSIGN_PASSWORD: password } = services.context.env;
    if (password !== undefined) return password;
    const question = { what: "password", prompt: `Password for ${name}`, isSecret: true, hint: passwordHint };
    return await ask(question, io, run.signal);
  });
}

/** The reader of the key that `--sign-key` names. @throws {UsageError} a password without a key */
export function keyReader(
  options: SigningOptions,
  io: CliIo,
  session: Pick<Session, "services" | "run">,
): (() => Promise<SigningKey>) | undefined {
  const { signKey, keyPasswordStdin } = options;
  if (signKey !== undefined) return () => readKey(signKey, options, io, session);
  if (keyPasswordStdin !== true) return undefined;
  throw new UsageError("USAGE_INVALID", "--key-password-stdin needs --sign-key", {
    hint: "name the key with --sign-key",
  });
}

export function signatureNotes({ digest, isNew, key }: Signature): readonly string[] {
  return [`Signature: ${digest}${isNew ? "" : " (of an earlier run)"}`, `Key: ${key.algorithm}, ${key.fingerprint}`];
}

export function signatureJson({ digest, isNew, key }: Signature): {
  digest: string;
  added: boolean;
  key: { algorithm: string; fingerprint: string; hint: string };
} {
  return { digest, added: isNew, key: { ...key } };
}
