/** Checks of an artifact at its source and at the mirrors. */
import { type ExpandedReference, type ResolvedArtifact, resolveArtifact } from "../artifact/resolve.ts";
import { asError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { type BlobIdentity, restOf, type Source } from "../model/source.ts";
import type { RegistryProbe } from "../registry/probe.ts";
import type { Run } from "../transfer/run.ts";
import type { Examination, Finding } from "./examination.ts";
import type { DiagnosisServices } from "./services.ts";

async function checkBlob(
  source: Source,
  blob: BlobIdentity,
  examination: Examination,
  signal: AbortSignal,
): Promise<void> {
  await examination.check("blob", async () => {
    const { bytes } = await source.openBlob(blob, restOf(blob, 0), signal);
    for await (const chunk of bytes)
      return { detail: `${blob.digest}, ${blob.size} bytes: received the first ${chunk.byteLength} bytes` };
    return { detail: `${blob.digest} is empty` };
  });
  if (blob.size < 2) return examination.skip("range", "the blob is too small");
  await examination.check("range", async () => {
    const { range, bytes } = await source.openBlob(blob, restOf(blob, blob.size - 1), signal);
    for await (const _ of bytes) break;
    if (range.first > 0) return { detail: "supported: a broken transfer is resumed" };
    return {
      status: "warning",
      detail: "not supported: a broken transfer starts over",
      hint: "ask the registry's operator, unless this is a cold pull-through cache",
    };
  });
}

export interface ArtifactCheck {
  readonly reference: ExpandedReference;
  /** Undefined for a layout folder. */
  readonly probe: RegistryProbe | undefined;
}

/** Checks manifest, blob, ranges and referrers. @returns undefined for a manifest that cannot be fetched. */
export async function checkArtifact(
  { reference, probe }: ArtifactCheck,
  examination: Examination,
  services: DiagnosisServices,
  run: Run,
): Promise<ResolvedArtifact | undefined> {
  const resolved = await examination.check("manifest", async () => {
    const found = await resolveArtifact(reference, services, run);
    const count = found.manifest.layers.length;
    const layers = `${count} layer${count === 1 ? "" : "s"}`;
    const detail = `${found.manifestDigest}, ${found.platform ?? "all platforms"}, ${layers}`;
    return { detail, value: found };
  });
  const [layer] = resolved?.manifest.layers ?? [];
  if (resolved === undefined || layer === undefined) {
    for (const name of ["blob", "range", "referrers"]) examination.skip(name, "the manifest could not be fetched");
    return resolved;
  }
  await checkBlob(resolved.source, layer, examination, run.signal);
  if (probe === undefined) return resolved;
  await examination.check("referrers", async () => {
    const status = await probe.referrers(resolved.manifestDigest, run.signal);
    return { detail: status === 200 ? "API supported" : `no API (${status}): fallback tags are used` };
  });
  return resolved;
}

/** Checks one mirror. A failure is a warning, since a pull skips a failed mirror. */
async function checkMirror(
  mirror: Source,
  digest: Digest,
  blob: BlobIdentity | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    await mirror.fetchManifest(digest, signal);
    if (blob === undefined) return { detail: `${mirror.name} has the manifest` };
    const { bytes } = await mirror.openBlob(blob, restOf(blob, 0), signal);
    for await (const _ of bytes) break;
    return { detail: `${mirror.name} has the manifest and the blob` };
  } catch (thrown) {
    signal.throwIfAborted();
    const { message, code, hint } = asError(thrown);
    const detail = `${mirror.name} is skipped: ${message} (${code})`;
    return { status: "warning", detail, ...(hint === undefined ? {} : { hint }) };
  }
}

export interface MirrorsCheck {
  readonly mirrors: readonly Source[];
  /** Digest of the manifest to request; undefined: not known. */
  readonly digest: Digest | undefined;
  readonly blob: BlobIdentity | undefined;
}

/** Requests the manifest and the beginning of the blob from each mirror, in order. */
export async function checkMirrors(
  { mirrors, digest, blob }: MirrorsCheck,
  examination: Examination,
  signal: AbortSignal,
): Promise<void> {
  for (const mirror of mirrors) {
    if (digest === undefined) {
      examination.skip("mirror", `${mirror.name} is asked by digest alone, and no digest is known`);
    } else await examination.check("mirror", () => checkMirror(mirror, digest, blob, signal));
  }
}
