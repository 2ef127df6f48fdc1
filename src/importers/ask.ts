/** Questions to a source about a file, beside its client. */
import { asError } from "../errors.ts";
import type { ImporterServices } from "./source.ts";

export interface Question {
  readonly url: URL;
  readonly accept: string;
  readonly maxBytes: number;
  /** Names the asked thing. */
  readonly what: string;
}

/**
 * Asks for a statement, without a login and at this host alone: a stranger may have written the address.
 *
 * @returns The bytes, or the reason why there are none.
 */
export async function ask(
  { url, accept, maxBytes, what }: Question,
  { readUrl, context }: ImporterServices,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array } | { readonly missed: string }> {
  try {
    const { status, bytes } = await readUrl(url, maxBytes, signal, { accept });
    if (status === 200) return { bytes };
    return { missed: `${what} cannot be read: ${url.host} answers with status ${status}` };
  } catch (error) {
    signal.throwIfAborted();
    const { message } = asError(error);
    context.log.debug(`${what}: ${message}`);
    return { missed: `${what} cannot be read: ${message}` };
  }
}
