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
      return { detail: `${blob.digest}, ${blob.size} bytes: the first ${chunk.byteLength} came` };
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
      hint: "a pull-through cache does so while it is cold; ask who runs the registry if it stays",
    };
  });
}

export interface ArtifactCheck {
  readonly reference: ExpandedReference;
  /** Undefined for a layout folder. */
  readonly probe: RegistryProbe | undefined;
}

/** Checks manifest, blob, ranges and referrers. @returns undefined where the manifest cannot be had */
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
    for (const name of ["blob", "range", "referrers"]) examination.skip(name, "there is no manifest");
    return resolved;
  }
  await checkBlob(resolved.source, layer, examination, run.signal);
  if (probe === undefined) return resolved;
  await examination.check("referrers", async () => {
    const status = await probe.referrers(resolved.manifestDigest, run.signal);
    return { detail: status === 200 ? "API supported" : `no API (${status}): tags stand in for it` };
  });
  return resolved;
}

/** A pull passes over a mirror that fails; here the failure is a warning. */
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
    const detail = `${mirror.name} is passed over: ${message} (${code})`;
    return { status: "warning", detail, ...(hint === undefined ? {} : { hint }) };
  }
}

export interface MirrorsCheck {
  readonly mirrors: readonly Source[];
  /** The manifest to ask for; undefined where no digest is known. */
  readonly digest: Digest | undefined;
  readonly blob: BlobIdentity | undefined;
}

/** Makes the first request of a pull to each mirror, in their order. */
export async function checkMirrors(
  { mirrors, digest, blob }: MirrorsCheck,
  examination: Examination,
  signal: AbortSignal,
): Promise<void> {
  for (const mirror of mirrors) {
    if (digest === undefined) {
      examination.skip("mirror", `${mirror.name} is asked by digest alone, and none is known`);
    } else await examination.check("mirror", () => checkMirror(mirror, digest, blob, signal));
  }
}
