/**
 * The time at which a registry got a manifest, by the registry's own word.
 *
 * The distribution spec has no such time. Artifactory and Nexus send `Last-Modified`; distribution, zot,
 * Harbor, Quay, ECR, GHCR and Docker Hub send nothing.
 */
import type { HttpResponse } from "../http/response.ts";
import { isRetryableStatus } from "../http/retry.ts";
import type { Digest } from "../model/digest.ts";
import { acceptedManifestTypes } from "../model/manifest.ts";
import type { ManifestTime } from "../model/source.ts";
import type { RegistryApi } from "./api.ts";

const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
const httpDate = new RegExp(
  `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) (${months}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT$`,
);

/**
 * Parses a date as servers send it. `Date.parse` takes far more, and moves the 31st of June into July.
 *
 * @see RFC 9110, 5.6.7, IMF-fixdate
 */
export function parseHttpDate(text: string | undefined): Date | undefined {
  const [, day, month = "", year, hour, minute, second] = httpDate.exec(text ?? "") ?? [];
  if (day === undefined) return undefined;
  const at = new Date(
    Date.UTC(Number(year), months.split("|").indexOf(month), Number(day), Number(hour), Number(minute), Number(second)),
  );
  const isShown = at.toUTCString().slice(5) === text?.slice(5);
  return isShown && at.getTime() > 0 ? at : undefined;
}

/** Another host, or an answer about another manifest, vouches for nothing. */
function timeOf(response: HttpResponse, asked: URL, digest: Digest): ManifestTime {
  const named = response.header("docker-content-digest");
  const isOwn = response.url.host === asked.host && (named === undefined || named === digest);
  return {
    published: isOwn ? parseHttpDate(response.header("last-modified")) : undefined,
    clock: isOwn ? parseHttpDate(response.header("date")) : undefined,
  };
}

/** By HEAD, and by GET where HEAD is refused: Nexus answered 404 to it. */
export async function readManifestTime(
  { digest, name }: { readonly digest: Digest; readonly name: string },
  api: RegistryApi,
  signal: AbortSignal,
): Promise<ManifestTime> {
  const url = api.url(`manifests/${digest}`);
  const request = { url, headers: { accept: acceptedManifestTypes.join(", ") }, signal };
  const head = await api.call({ ...request, method: "HEAD" }, "pull");
  await head.discard();
  const isDecided = head.status === 200 || isRetryableStatus(head.status, true);
  const response = isDecided ? head : await api.call({ ...request, method: "GET" }, "pull");
  if (response.status !== 200) throw await api.error(response, `${name}@${digest}`);
  await response.discard();
  return timeOf(response, url, digest);
}
