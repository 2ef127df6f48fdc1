/** `trust-root`: fetches the trust root of keyless signatures over TUF, into a file that checks and policies name. */

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Services } from "../artifact/services.ts";
import { ConfigurationError, isErrno, localIoError, UsageError } from "../errors.ts";
import { changeText, checkWritable } from "../files/change-text.ts";
import { readNamedText } from "../files/regular-file.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { checkFilePlace } from "../locking/project.ts";
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
/** The root first: the others are checked against the root. */
const metadata = ["root.json", "timestamp.json", "snapshot.json", "targets.json"] as const;

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

/** @throws {UsageError} for plain http, and for anything but http */
function checkUrl(url: URL): void {
  const isFit = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
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

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw localIoError(`read ${from}`, error);
  }
}

/**
 * Fetches the trust root, and writes the file only if it changes.
 *
 * The metadata is kept beside the user's configuration, never in the cache: a repository must not go back to older
 * metadata, and a checkout can bring a cache.
 */
export async function fetchTrustRoot(
  request: TrustRootRequest,
  services: TrustRootServices,
  run: Run,
): Promise<TrustRootResult> {
  const { context, settings, readUrl } = services;
  const url = request.repository?.url ?? new URL(publicInstance.url);
  checkUrl(url);
  const first = await firstRoot(request, services);
  await checkFilePlace(request.output, services);
  await checkWritable(request.output);
  const id = createHash("sha256").update(`${url.href}\n${first}`).digest("hex").slice(0, 32);
  const kept = join(dirname(settings.userConfigPath), "tuf", id);
  const { fetchTrustedRoot } = await import("../signature/tuf.ts");
  const fetched = await withTemporaryFolder("trust-root", context, async (folder) => {
    await writeFile(join(folder, "root.json"), first);
    for (const name of metadata) await copyIfThere(join(kept, name), join(folder, name));
    const read: ReadUrl = (from, maxBytes) => readUrl(from, maxBytes, run.signal);
    const found = await fetchTrustedRoot({ url, folder }, read);
    await mkdir(kept, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw localIoError(`create ${kept}`, cause);
    });
    for (const name of metadata) {
      const text = await readFile(join(folder, name), "utf8");
      await changeText({ path: join(kept, name), isSecret: false }, () => text, context, run.signal);
    }
    return found;
  });
  let before: string | undefined;
  const change = (text: string | undefined): string => {
    before = text;
    return fetched.text;
  };
  await changeText({ path: request.output, isSecret: false }, change, context, run.signal);
  const { version, expires } = fetched;
  const changed = before === fetched.text ? "unchanged" : before === undefined ? "created" : "updated";
  return { url: url.href, file: request.output, version, expires, change: changed };
}
