/** `attach`: publishes a file as a referrer of an artifact, such as a bill of materials. */

import { stat } from "node:fs/promises";
import { counted, readChunks } from "../archive/chunks.ts";
import { identifyFile } from "../archive/identify.ts";
import { parseTitle } from "../archive/pack.ts";
import { readTarget } from "../artifact/naming.ts";
import { platformHint, versionOf } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { maxRecognizedBytes, recognize } from "../attestation/recognize.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError, UsageError, unreadableFile } from "../errors.ts";
import { readRegularFile } from "../files/regular-file.ts";
import type { Digest } from "../model/digest.ts";
import { platformsOf } from "../model/index-platforms.ts";
import { type Annotations, annotationKeys, type Descriptor, parseManifest } from "../model/manifest.ts";
import type { PlatformString } from "../model/platform.ts";
import { formatReference, type Reference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { attachedTypes, checkNamedTypes, type NamedTypes } from "../publish/attached-type.ts";
import { pushReferrer } from "../publish/referrer.ts";
import type { Run } from "../transfer/run.ts";

export interface AttachRequest extends NamedTypes {
  readonly reference: string;
  /** Path of the file. */
  readonly file: string;
  /** Attaches to this platform's manifest of an index; undefined: to the index, or to the only manifest. */
  readonly platform: PlatformString | undefined;
  /** Name of the pulled file. */
  readonly title: string;
  /** Annotations of the referrer's manifest. */
  readonly annotations: Annotations;
}

export interface AttachResult {
  /** The artifact, as asked for. */
  readonly reference: string;
  /** Digest of the manifest that the referrer refers to. */
  readonly subject: Digest;
  /** Digest of the referrer's manifest. */
  readonly digest: Digest;
  readonly artifactType: string;
  readonly mediaType: string;
  /** Bytes of the file. */
  readonly size: number;
  /** False if the same file was attached before. */
  readonly isNew: boolean;
}

type Attaching = Pick<Services, "context" | "noteNamed" | "open" | "settings" | "slots">;

/** @throws {UsageError} for a file whose type neither the request nor the content shows */
export async function attach(request: AttachRequest, services: Attaching, run: Run): Promise<AttachResult> {
  return await audited(
    { operation: "attach", reference: request.reference },
    services,
    () => attachFile(request, services, run),
    ({ digest, size }) => ({ digest, size }),
  );
}

async function attachFile(request: AttachRequest, services: Attaching, run: Run): Promise<AttachResult> {
  const { file, title, annotations } = request;
  const reference = readTarget(request.reference, services);
  checkNamedTypes(request);
  if (parseTitle(title).length === 0) {
    throw new UsageError("USAGE_INVALID", `the title ${JSON.stringify(title)} names no file`, {
      hint: "name the file with --title",
    });
  }
  const blob = await identifyFile(file, run.signal);
  const { artifactType, mediaType } = attachedTypes(request, await recognizeFile(file), file);
  const target = services.open(reference.location);
  const subject = await findSubject({ reference, platform: request.platform }, target, run.signal);
  const pushed = await services.slots.run(async () => {
    run.signal.throwIfAborted();
    const sending = services.context.progress.start(`→ ${title}`, blob.size, "send");
    const open = () => counted(readChunks(file, run.signal), sending.advance);
    const layers = [{ ...blob, mediaType, annotations: { [annotationKeys.title]: title }, open }];
    return await pushReferrer({ subject, artifactType, layers, annotations }, target, run.signal).finally(sending.done);
  });
  const { digest, isNew } = pushed;
  const facts = { artifactType, mediaType, size: blob.size, isNew };
  return { reference: formatReference(reference), subject: subject.digest, digest, ...facts };
}

/** @returns undefined for a document without a certain type, and for a larger file */
async function recognizeFile(file: string): Promise<ReturnType<typeof recognize>> {
  try {
    if ((await stat(file)).size > maxRecognizedBytes) return undefined;
    return recognize((await readRegularFile(file, maxRecognizedBytes)).bytes);
  } catch (cause) {
    throw unreadableFile(file, cause);
  }
}

interface Wanted {
  readonly reference: Reference;
  readonly platform: PlatformString | undefined;
}

/** Asks the target itself: a mirror or the cache may still have what the target deleted. */
async function findSubject(
  { reference, platform }: Wanted,
  target: Target,
  signal: AbortSignal,
): Promise<Pick<Descriptor, "digest" | "mediaType" | "size">> {
  const text = formatReference(reference);
  const { bytes, digest, mediaType } = await target.fetchManifest(versionOf(reference), signal);
  const parsed = parseManifest(bytes, mediaType, text);
  if (platform === undefined) return { digest, mediaType: parsed.mediaType, size: bytes.byteLength };
  const chosen = parsed.kind === "index" ? platformsOf(parsed).get(platform) : undefined;
  if (chosen !== undefined) return chosen;
  throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `platform ${platform} not found in ${text}`, {
    hint:
      parsed.kind === "index"
        ? platformHint(parsed, platform)
        : "leave out --platform: the reference names one manifest, and no index",
  });
}
