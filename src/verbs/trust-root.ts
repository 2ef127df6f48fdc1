/** `trust-root`: fetches the trust root of keyless signatures over TUF, into a file that checks and policies name. */

import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Services } from "../artifact/services.ts";
import { isLoopback } from "../config/plain-http.ts";
import { ConfigurationError, LocalIoError, UsageError } from "../errors.ts";
import { changeText, checkWritable } from "../files/change-text.ts";
import { readNamedText } from "../files/regular-file.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { checkFilePlace } from "../locking/project.ts";
import { isOvertaken, keep, takeKept } from "../signature/kept-metadata.ts";
import { publicInstance } from "../signature/public-instance.ts";
import type { FetchedRoot, ReadUrl } from "../signature/tuf.ts";
import type { Run } from "../transfer/run.ts";

export interface TrustRootServices extends Pick<Services, "context" | "settings"> {
  /** Reads a small file from a URL. @throws {OrasClientError} `OFFLINE` if nothing may be asked */
  readonly readUrl: (url: URL, maxBytes: number, signal: AbortSignal) => ReturnType<ReadUrl>;
}

export interface TrustRootRequest {
  /** Undefined: the public instance of Sigstore. */
  readonly repository: { readonly url: URL; readonly root: string } | undefined;
  readonly output: string;
}

export interface TrustRootResult extends Pick<FetchedRoot, "version" | "expires"> {
  readonly url: string;
  readonly file: string;
  readonly change: "created" | "updated" | "unchanged";
}

/** A root of the public instance has 6 KB. */
const maxMetadataBytes = 512 * 1024;
/** @throws {UsageError} for plain http, and for anything but http */
function checkUrl(url: URL): void {
  const isFit = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.host));
  if (isFit && url.username === "" && url.password === "" && url.search === "" && url.hash === "") return;
  throw new UsageError("USAGE_INVALID", "a TUF repository is an https address without a login and without `?`", {
    hint: `write the folder's address, such as ${publicInstance.url}`,
  });
}

async function firstRoot(request: TrustRootRequest, { context }: TrustRootServices): Promise<string> {
  if (request.repository === undefined) return Buffer.from(publicInstance.root, "base64").toString("utf8");
  const { root } = request.repository;
  const text = await readNamedText(root, maxMetadataBytes, context);
  try {
    if (JSON.parse(text).signed._type === "root") return text;
  } catch {
    // As below.
  }
  throw new ConfigurationError("TRUST_ROOT_INVALID", `${root} is no root.json of a TUF repository`, {
    hint: "take the first root.json from whoever keeps the repository, over a way that you trust",
  });
}

interface Fetched extends FetchedRoot {
  /** Text of the output before. */
  readonly before: string | undefined;
  /** True if another process has seen newer metadata since the beginning. */
  readonly isOvertaken: boolean;
}

/** Fetches once, keeps the metadata, and writes the file. */
async function fetchOnce(
  at: { readonly url: URL; readonly first: string; readonly output: string },
  { context, settings, readUrl }: TrustRootServices,
  run: Run,
): Promise<Fetched> {
  const { url, first, output } = at;
  const id = createHash("sha256").update(`${url.href}\n${first}`).digest("hex").slice(0, 32);
  const kept = join(dirname(settings.userConfigPath), "tuf", id);
  const { fetchTrustedRoot } = await import("../signature/tuf.ts");
  return await withTemporaryFolder("trust-root", context, async (folder) => {
    await writeFile(join(folder, "root.json"), first);
    await takeKept(kept, folder);
    const read: ReadUrl = (from, maxBytes) => readUrl(from, maxBytes, run.signal);
    const found = await fetchTrustedRoot({ url, folder }, read);
    await keep(folder, kept, context, run.signal);
    let before: string | undefined;
    const change = (text: string | undefined): string => {
      before = text;
      return found.text;
    };
    await changeText({ path: output, isSecret: false }, change, context, run.signal);
    // After the write: who sees newer metadata keeps it before writing.
    return { ...found, before, isOvertaken: await isOvertaken(folder, kept) };
  });
}

/** Fetches of one command; each next one follows newer metadata, which the repository has signed meanwhile. */
const maxFetches = 5;

/**
 * Fetches the trust root, and writes the file only if it changes. Of several processes at once, the newest metadata wins.
 *
 * @throws {LocalIoError} `LOCK_BUSY`
 */
export async function fetchTrustRoot(
  request: TrustRootRequest,
  services: TrustRootServices,
  run: Run,
): Promise<TrustRootResult> {
  const { output, repository } = request;
  const url = repository?.url ?? new URL(publicInstance.url);
  checkUrl(url);
  const first = await firstRoot(request, services);
  await checkFilePlace(output, services);
  await checkWritable(output);
  for (let fetches = 1; fetches <= maxFetches; fetches += 1) {
    const { version, expires, text, before, isOvertaken } = await fetchOnce({ url, first, output }, services, run);
    if (isOvertaken) continue;
    const change = before === text ? "unchanged" : before === undefined ? "created" : "updated";
    return { url: url.href, file: output, version, expires, change };
  }
  throw new LocalIoError("LOCK_BUSY", `${output} may be older than what other processes fetch at the same time`, {
    hint: "run the same command again",
  });
}
