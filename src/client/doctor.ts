/** `doctor`: what a person would try by hand when a pull fails, step by step, each with its time and what to do. */
import { access, constants, statfs } from "node:fs/promises";
import { asError, type OrasClientError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import type { Location } from "../model/reference.ts";
import type { BlobIdentity, Source } from "../model/source.ts";
import type { RegistryProbe } from "../registry/probe.ts";
import { type ClientDeps, offlineError } from "./deps.ts";
import { expandReference, resolveArtifact } from "./resolve.ts";

export type CheckStatus = "ok" | "warning" | "failed" | "skipped";

export interface Check {
  /** `cache`, `proxy`, `dns`, `connection`, `registry`, `clock`, `credentials`, `manifest`, `blob`, `range`, `referrers`. */
  readonly name: string;
  readonly status: CheckStatus;
  readonly detail: string;
  readonly hint: string | undefined;
  readonly durationMs: number;
}

export interface Diagnosis {
  readonly reference: string;
  readonly checks: readonly Check[];
  /** Of the first check that failed. */
  readonly failure: OrasClientError | undefined;
}

interface Finding {
  readonly status?: CheckStatus;
  readonly detail: string;
  readonly hint?: string;
}

const minFreeBytes = 1024 ** 3;
const maxSkewMs = 5 * 60 * 1000;
const certificateSoonMs = 14 * 24 * 60 * 60 * 1000;
const connectTimeoutMs = 10_000;

/** Runs checks one after the other; once one that others need has failed, those are skipped. */
class Examination {
  readonly checks: Check[] = [];
  failure: OrasClientError | undefined;
  readonly #deps: ClientDeps;
  readonly #signal: AbortSignal;

  constructor(deps: ClientDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** @param work Gives what was found, and a value for the checks that come after. */
  async check<T>(name: string, work: () => Promise<Finding & { readonly value?: T }>): Promise<T | undefined> {
    const startedMs = this.#deps.context.now();
    const done = (status: CheckStatus, detail: string, hint: string | undefined): void => {
      const durationMs = Math.round(this.#deps.context.now() - startedMs);
      this.checks.push({ name, status, detail, hint, durationMs });
    };
    try {
      const { status = "ok", detail, hint, value } = await work();
      done(status, detail, hint);
      return value;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = asError(thrown);
      this.failure ??= error;
      done("failed", `${error.message} (${error.code})`, error.hint);
      return undefined;
    }
  }

  skip(name: string, why: string): void {
    this.checks.push({ name, status: "skipped", detail: why, hint: undefined, durationMs: 0 });
  }
}

async function checkCache({ settings }: ClientDeps): Promise<Finding> {
  const { cacheDir } = settings;
  await makeFolder(cacheDir);
  await access(cacheDir, constants.R_OK | constants.W_OK);
  const { bavail, bsize } = await statfs(cacheDir);
  const free = bavail * bsize;
  const detail = `${cacheDir}, ${(free / 1e9).toFixed(1)} GB free`;
  if (free >= minFreeBytes) return { detail };
  return { status: "warning", detail, hint: "`buck2-oras clear-cache --older-than 30` makes room" };
}

async function checkWay(
  probe: RegistryProbe,
  examination: Examination,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const proxy = await examination.check("proxy", async () => {
    const host = await probe.proxy();
    return { detail: host ?? "none", value: host };
  });
  const addresses = await examination.check("dns", async () => {
    const found = await probe.addresses();
    return { detail: `${proxy ?? probe.url.hostname} is ${found.slice(0, 4).join(", ")}`, value: found };
  });
  if (addresses === undefined) return false;
  if (proxy !== undefined) {
    examination.skip("connection", "the proxy makes it");
    return true;
  }
  const connection = await examination.check("connection", async () => {
    const made = await probe.connect(connectTimeoutMs, signal);
    if (made.tls === undefined) return { detail: "plain http", value: made };
    const { protocol, issuer, validTo } = made.tls;
    const detail = `${protocol}, certificate of ${issuer}, valid to ${validTo.toISOString().slice(0, 10)}`;
    const isOld = validTo.getTime() - deps.context.now() < certificateSoonMs;
    const hint = "the registry's certificate ends soon: tell who runs it";
    return isOld ? { status: "warning", detail, hint, value: made } : { detail, value: made };
  });
  return connection !== undefined;
}

async function checkRegistry(
  probe: RegistryProbe,
  examination: Examination,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const greeting = await examination.check("registry", async () => {
    const found = await probe.greet(signal);
    const wants = found.schemes.length === 0 ? "asks for no login" : `asks for ${found.schemes.join(" or ")}`;
    const detail = `${probe.url.href} answers ${found.status}, ${wants}`;
    if (found.status === 200 || found.status === 401) return { detail, value: found };
    const hint = "200 or 401 is what a registry answers there: check the host and its port";
    return { status: "warning", detail, hint, value: found };
  });
  if (greeting === undefined) return false;
  const { date } = greeting;
  if (date === undefined) examination.skip("clock", "the registry does not say its time");
  else {
    await examination.check("clock", () => {
      const skewMs = deps.context.now() - date.getTime();
      const detail = `${Math.round(Math.abs(skewMs) / 1000)} s from the registry's`;
      const hint = "set this machine's clock: tokens and certificates are judged by it";
      return Promise.resolve(Math.abs(skewMs) > maxSkewMs ? { status: "warning", detail, hint } : { detail });
    });
  }
  await examination.check("credentials", async () => {
    const { source, kind } = await probe.credentialSource();
    if (kind !== "none") return { detail: `${kind} from ${source}` };
    const isAsked = greeting.schemes.length > 0;
    return { detail: `none found${isAsked ? ": the pull is anonymous" : ""}` };
  });
  return true;
}

async function checkBlob(
  source: Source,
  blob: BlobIdentity,
  examination: Examination,
  signal: AbortSignal,
): Promise<void> {
  await examination.check("blob", async () => {
    const { bytes } = await source.openBlob(blob, 0, signal);
    for await (const chunk of bytes)
      return { detail: `${blob.digest}, ${blob.size} bytes: the first ${chunk.byteLength} came` };
    return { detail: `${blob.digest} is empty` };
  });
  if (blob.size < 2) return examination.skip("range", "the blob is too small");
  await examination.check("range", async () => {
    const { startsAt, bytes } = await source.openBlob(blob, blob.size - 1, signal);
    for await (const _ of bytes) break;
    if (startsAt > 0) return { detail: "supported: a broken transfer is resumed" };
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
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<void> {
  const resolved = await examination.check("manifest", async () => {
    const found = await resolveArtifact(expandReference(text, undefined, deps), deps, signal);
    const detail = `${found.manifestDigest}, ${found.platform ?? "all platforms"}, ${found.manifest.layers.length} layers`;
    return { detail, value: found };
  });
  const [layer] = resolved?.manifest.layers ?? [];
  if (resolved === undefined || layer === undefined) {
    for (const name of ["blob", "range", "referrers"]) examination.skip(name, "there is no manifest");
    return;
  }
  await checkBlob(resolved.source, layer, examination, signal);
  if (probe === undefined) return;
  await examination.check("referrers", async () => {
    const status = await probe.referrers(resolved.manifestDigest, signal);
    return { detail: status === 200 ? "API supported" : `no API (${status}): tags stand in for it` };
  });
}

const networkChecks = [
  "proxy",
  "dns",
  "connection",
  "registry",
  "clock",
  "credentials",
  "manifest",
  "blob",
  "range",
  "referrers",
];

/** @throws {UsageError} for a reference that is none; what is wrong beyond is in the diagnosis */
export async function diagnose(text: string, deps: ClientDeps, signal: AbortSignal): Promise<Diagnosis> {
  const { reference, text: canonical } = expandReference(text, undefined, deps);
  const examination = new Examination(deps, signal);
  await examination.check("cache", () => checkCache(deps));
  const probe = probeOf(reference.location, deps);
  if (probe !== undefined && deps.settings.isOffline) throw offlineError(canonical);
  const isReachable =
    probe === undefined ||
    ((await checkWay(probe, examination, deps, signal)) && (await checkRegistry(probe, examination, deps, signal)));
  if (isReachable) await checkArtifact(text, probe, examination, deps, signal);
  const seen = new Set(examination.checks.map(({ name }) => name));
  if (probe !== undefined) {
    for (const name of networkChecks) if (!seen.has(name)) examination.skip(name, "the registry cannot be reached");
  }
  return { reference: canonical, checks: examination.checks, failure: examination.failure };
}

function probeOf(location: Location, deps: ClientDeps): RegistryProbe | undefined {
  return location.kind === "registry" ? deps.probe(location) : undefined;
}
