/** `sign`: signs the artifact of a reference with a key, as cosign does. */

import { readTarget } from "../artifact/naming.ts";
import { fetchRoot } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import type { Digest } from "../model/digest.ts";
import { formatReference } from "../model/reference.ts";
import { type Signature, signManifest } from "../publish/sign.ts";
import type { SigningKey } from "../signature/signing-key.ts";
import type { Run } from "../transfer/run.ts";

export interface SignRequest {
  readonly reference: string;
  /** Called once the reference is known to be valid: a password may be asked for. */
  readonly readKey: () => Promise<SigningKey>;
}

export interface SignResult {
  readonly reference: string;
  /** Digest of the signed index or manifest. */
  readonly digest: Digest;
  readonly signature: Signature;
}

export async function sign(request: SignRequest, services: Services, run: Run): Promise<SignResult> {
  return await audited(
    { operation: "sign", reference: request.reference },
    services,
    () => write(request, services, run),
    ({ digest }) => ({ digest }),
  );
}

async function write({ reference: text, readKey }: SignRequest, services: Services, run: Run): Promise<SignResult> {
  const reference = readTarget(text, services);
  const key = await readKey();
  // One look at the tag: the bytes that are signed are the bytes of the digest that the result names.
  const { root } = await fetchRoot(reference, services, run);
  const { digest, mediaType, bytes } = root;
  if (reference.digest === undefined) {
    services.context.log.warn(
      `${formatReference(reference)} was resolved just now, and a tag can move: sign the digest that \`push\` printed, or push with --sign-key`,
    );
  }
  const target = services.open(reference.location);
  const subject = { mediaType, digest, size: bytes.byteLength };
  const signature = await signManifest({ subject, key }, target, services, run.signal);
  return { reference: formatReference({ ...reference, tag: undefined, digest }), digest, signature };
}
