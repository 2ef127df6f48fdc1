/** Entries of a layout's index: their tags, and the entry of a tag. */
import { listed } from "../model/listed.ts";
import { annotationKeys } from "../model/manifest.ts";
import { printable } from "../printable.ts";
import type { Entry } from "./documents.ts";

export function tagOf(entry: Entry): string | undefined {
  return entry.annotations?.[annotationKeys.refName] ?? undefined;
}

/** Tag of a reference without a tag, as in every OCI client. */
const defaultTag = "latest";

/**
 * Finds a tag's entry. Matches also the tag of a whole reference, which some writers put into the annotation. Without a
 * name, the only entry of a layout is the default tag: `crane pull --format=oci` writes such an entry.
 */
export function findEntry(entries: readonly Entry[], tag: string): Entry | undefined {
  const named =
    entries.find((entry) => tagOf(entry) === tag) ??
    entries.find((entry) => tagOf(entry)?.endsWith(`:${tag}`) === true);
  if (named !== undefined || tag !== defaultTag) return named;
  const [only, ...others] = entries;
  return only !== undefined && others.length === 0 && tagOf(only) === undefined ? only : undefined;
}

/** Entries shown in a hint. */
const maxShown = 5;

/** The next step after an unknown tag. @param layout Name of the layout, `oci:DIR`. */
export function hintFor(entries: readonly Entry[], layout: string): string {
  if (entries.length === 0) return "copy an artifact into the layout first: the layout is empty";
  const tags = entries.map(tagOf).filter((tag) => tag !== undefined);
  if (tags.length > 0) {
    return `name a tag of the layout, such as ${printable(`${layout}:${tags[0]}`)}; \`buck2-oras list ${layout}\` lists the tags`;
  }
  const digests = entries.map(({ digest }) => `${layout}@${digest}`);
  return `name an artifact by its digest, since the layout has no tags: ${listed(digests, maxShown)}`;
}
