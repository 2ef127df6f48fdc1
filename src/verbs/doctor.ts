/** `doctor`: what a person would try by hand when a pull fails, step by step, each with its time and what to do. */

import { access, constants, statfs } from "node:fs/promises";
import { expandNamedReference, expandReference, type ResolvedArtifact, resolveArtifact } from "../artifact/resolve.ts";
import { describeLeftOut } from "../config/boundary.ts";
import { type Check, Examination, type Finding } from "../diagnosis/examination.ts";
import { checkConnection, checkRegistry } from "../diagnosis/registry.ts";
import type { DiagnosisServices } from "../diagnosis/services.ts";
import { asError, localIoError, type OrasClientError, withCause } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import type { Digest } from "../model/digest.ts";
import type { Location } from "../model/reference.ts";
import { type BlobIdentity, restOf, type Source } from "../model/source.ts";
import { askingForbidden } from "../registry/offline.ts";
import type { RegistryProbe } from "../registry/probe.ts";
import { CacheUnusableError } from "../store/damage.ts";
import type { Store } from "../store/store.ts";
import type { Run } from "../transfer/run.ts";

export interface Diagnosis {
  readonly reference: string;
  readonly checks: readonly Check[];
  /** The error of the first check that failed. */
  readonly failure: OrasClientError | undefined;
}

const minFreeBytes = 1024 ** 3;

/** @throws {LocalIoError} the folder cannot be made, read or written to */
async function freeBytes(folder: string): Promise<number> {
  try {
    await makeFolder(folder);
    await access(folder, constants.R_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (cause) {
    throw localIoError(`use the cache folder ${folder}`, cause);
  }
}

async function checkCache({ settings, store }: DiagnosisServices): Promise<Finding> {
  const { cacheDir } = settings;
  const free = await freeBytes(cacheDir);
  const detail = `${cacheDir}, ${(free / 1e9).toFixed(1)} GB free`;
  const refusal = await whyUnusable(store);
  if (refusal !== undefined) {
    const hint = `what is not in it is fetched without it where an output is named; ${refusal.hint ?? "name another cache"}`;
    return { status: "warning", detail: `${detail}; ${withCause(refusal)}`, hint };
  }
  const shared = await store.sharedBecause();
  const sharing = shared === undefined ? "" : `; not yours alone: ${shared}`;
  if (free < minFreeBytes) {
    return { status: "warning", detail: detail + sharing, hint: "`buck2-oras clear-cache --older-than 30` makes room" };
  }
  if (shared === undefined) return { detail };
  const hint =
    "what is in the cache is verified each time, and notes on tags do not count; a folder of your own is faster";
  return { status: "warning", detail: detail + sharing, hint };
}

/** The cache is there, and a command that fetches could not use it. */
async function whyUnusable(store: Store): Promise<CacheUnusableError | undefined> {
  try {
    await store.checkWritable();
    return undefined;
  } catch (error) {
    if (error instanceof CacheUnusableError) return error;
    throw error;
  }
}

/** A setting that is left out looks like a defect to its author. */
async function checkConfiguration({ settings }: DiagnosisServices): Promise<Finding> {
  const { configFiles, leftOut } = settings;
  const detail = configFiles.join(", ") || "no file";
  if (leftOut.length === 0) return { detail };
  return { status: "warning", detail, hint: describeLeftOut(leftOut) };
}

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

async function checkArtifact(
  text: string,
  probe: RegistryProbe | undefined,
  examination: Examination,
  services: DiagnosisServices,
  run: Run,
): Promise<ResolvedArtifact | undefined> {
  const resolved = await examination.check("manifest", async () => {
    const found = await resolveArtifact(expandReference(text, undefined, services), services, run);
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

/** One that fails is passed over by a pull, and yet somebody wants to know. */
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

/** The first request of a pull, to each source in order. @param digest Undefined: there is none to ask for. */
async function checkMirrors(
  mirrors: readonly Source[],
  digest: Digest | undefined,
  blob: BlobIdentity | undefined,
  examination: Examination,
  signal: AbortSignal,
): Promise<void> {
  for (const mirror of mirrors) {
    if (digest === undefined) {
      examination.skip("mirror", `${mirror.name} is asked by digest alone, and none is known`);
    } else await examination.check("mirror", () => checkMirror(mirror, digest, blob, signal));
  }
}

const networkChecks = [
  "proxy",
  "dns",
  "connection",
  "registry",
  "clock",
  "credentials",
  "token",
  "manifest",
  "blob",
  "range",
  "referrers",
];

/** @throws {UsageError} for a reference that is none; what is wrong beyond is in the diagnosis */
export async function diagnose(text: string, services: DiagnosisServices, run: Run): Promise<Diagnosis> {
  const { reference, text: canonical } = expandNamedReference(text, undefined, services);
  const examination = new Examination(services, run);
  await examination.check("configuration", () => checkConfiguration(services));
  await examination.check("cache", () => checkCache(services));
  const probe = probeOf(reference.location, services);
  if (probe !== undefined && services.settings.isOffline) throw askingForbidden(`about ${canonical}`);
  const isReachable =
    probe === undefined ||
    ((await checkConnection(probe, examination, services, run)) &&
      (await checkRegistry(probe, examination, services, run)));
  const resolved = isReachable ? await checkArtifact(text, probe, examination, services, run) : undefined;
  const seen = new Set(examination.checks.map(({ name }) => name));
  if (probe !== undefined) {
    for (const name of networkChecks) if (!seen.has(name)) examination.skip(name, "the registry cannot be reached");
  }
  const { mirrors } = services.open(reference.location);
  const digest = resolved?.manifestDigest ?? reference.digest;
  await checkMirrors(mirrors, digest, resolved?.manifest.layers[0], examination, run.signal);
  return { reference: canonical, checks: examination.checks, failure: examination.failure };
}

function probeOf(location: Location, services: DiagnosisServices): RegistryProbe | undefined {
  return location.kind === "registry" ? services.probe(location) : undefined;
}
