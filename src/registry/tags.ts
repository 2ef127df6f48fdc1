/**
 * The tags of a repository, page by page.
 *
 * @see OCI distribution-spec v1.1.1, "Listing Tags"
 */
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ContentVerificationError, IncompleteListError, OrasClientError, RegistryUnavailableError } from "../errors.ts";
import { isTag } from "../model/reference.ts";
import type { RegistryApi } from "./api.ts";
import { readJson } from "./json.ts";
import { nextPage } from "./link.ts";

const tagsSchema = v.object({ tags: v.nullish(v.array(v.string())) });
const maxPageBytes = 4 * 1024 * 1024;
/** Registries usually list 100 or more tags per page. */
const maxPages = 1000;
/** Limit over all pages; even nightly tags stay far below. */
const maxTags = 1_000_000;

/**
 * @param name Names the repository in messages.
 * @throws {IncompleteListError} a page after the first is missing
 */
export async function readTags(
  name: string,
  api: RegistryApi,
  context: Context,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const tags: string[] = [];
  let droppedCount = 0;
  let page: URL | undefined = api.url("tags/list");
  let pages = 0;
  try {
    while (page !== undefined) {
      if (pages >= maxPages) throw tooLong(name, `${maxPages} pages`);
      const response = await api.call({ method: "GET", url: page, bufferBytes: maxPageBytes, signal }, "pull");
      if (response.status !== 200) throw await api.error(response, name);
      const listed = parsePage(await response.bytes(maxPageBytes), name);
      if (tags.length + listed.length > maxTags) throw tooLong(name, `${maxTags} tags`);
      // One by one: a page may have more tags than a call may have arguments.
      for (const tag of listed) {
        if (isTag(tag)) tags.push(tag);
        else droppedCount += 1;
      }
      pages += 1;
      page = nextPage(response.header("link"), page);
    }
  } catch (error) {
    if (pages === 0 || signal.aborted || !(error instanceof OrasClientError)) throw error;
    throw incomplete(name, pages + 1, tags, error);
  }
  if (droppedCount > 0) {
    context.log.warn(`${name} lists ${droppedCount} names that are not valid tags; these names are omitted`);
  }
  return tags;
}

function incomplete(name: string, page: number, listed: readonly string[], cause: OrasClientError): OrasClientError {
  // A retry may help after a network failure, and after no other failure.
  const code = cause.isRetryable ? cause.code : "PAGINATION_REFUSED";
  return new IncompleteListError(code, `page ${page} of the tags of ${name} could not be had`, listed, {
    cause,
    hint: `list the ${listed.length} tags before with \`buck2-oras list ${name} --partial\`, and tell the operator of the registry or its proxy`,
  });
}

function tooLong(name: string, limit: string): RegistryUnavailableError {
  return new RegistryUnavailableError("PAGINATION_REFUSED", `the list of ${name} has more than ${limit}`, {
    hint: "ask the operator of the registry or its proxy to fix the setup",
  });
}

function parsePage(bytes: Uint8Array, name: string): readonly string[] {
  const page = readJson(bytes, tagsSchema);
  if (page !== undefined) return page.tags ?? [];
  throw new ContentVerificationError(
    "RESPONSE_INVALID",
    `${name}: the list of tags does not follow the distribution spec`,
    { hint: "check the host, and whether a proxy or a login page answers in the registry's place" },
  );
}
