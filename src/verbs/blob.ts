/** `blob`: fetches one blob by digest and size. Build actions call `blob`. */

import { fetchBlob } from "../artifact/fetch.ts";
import { readNamed } from "../artifact/naming.ts";
import { checkOutputFile } from "../artifact/output.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { UsageError } from "../errors.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import { formatReference } from "../model/reference.ts";
import type { Origin } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";

export interface BlobRequest {
  /** `HOST/REPOSITORY@sha256:…` or `oci:DIR@sha256:…`; the digest is the blob's. */
  readonly reference: string;
  /** Bytes, as the lock states them. */
  readonly size: number;
  /** Manifest that lists the blob: a pull-through cache that lacks the blob copies it when its manifest is asked for. */
  readonly manifest: Digest | undefined;
  /** File to write; an existing file is replaced. */
  readonly output: string;
  /** Undefined: executable if the content is an executable. */
  readonly executable: boolean | undefined;
}

export interface BlobResult {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  readonly origin: Origin;
}

export async function pullBlob(request: BlobRequest, services: Services, run: Run): Promise<BlobResult> {
  const work = (): Promise<BlobResult> => fetchAndPlace(request, services, run);
  const factsOf = ({ digest, size, origin }: BlobResult) => ({ digest, size, source: origin });
  const text = request.reference.split("@").at(-1) ?? "";
  const asked = isDigest(text) ? { digest: text } : {};
  return await audited({ operation: "blob", reference: request.reference, asked }, services, work, factsOf);
}

async function fetchAndPlace(request: BlobRequest, services: Services, run: Run): Promise<BlobResult> {
  const reference = readNamed(request.reference, services);
  const { digest } = reference;
  const { size, manifest } = request;
  if (digest === undefined || reference.tag !== undefined) {
    throw new UsageError("REFERENCE_INVALID", `${formatReference(reference)} does not name a blob`, {
      hint: "write HOST/REPOSITORY@sha256:… with the blob's digest and no tag",
    });
  }
  const output = checkOutputFile(request.output);
  const source = services.open(reference.location);
  const listed = manifest === undefined ? {} : { manifest };
  return await withDamageRepaired(services, async (some) => {
    const { origin } = await fetchBlob({ source, blob: { digest, size }, label: source.name, ...listed }, some, run);
    await some.store.materialize(digest, output, { executable: request.executable }, run.signal);
    return { path: request.output, digest, size, origin };
  });
}
