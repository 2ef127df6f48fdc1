/** The publisher's statements about a tool: annotations, as a lock keeps them. A stranger writes the annotations. */
import type { LockedTool, Stated } from "../lockfile/schema.ts";
import { isStatedSource, isStatedText } from "../lockfile/stated-text.ts";
import { type Annotations, annotationKeys } from "../model/manifest.ts";
import { lowestLevel, type SourceLevel, sourceLevels } from "../model/source-level.ts";

/** The annotations of one platform: those of the index come first. */
export interface AnnotatedPlatform {
  readonly rootAnnotations: Annotations;
  readonly manifest: { readonly annotations: Annotations };
}

const rules = { version: isStatedText, source: isStatedSource, licenses: isStatedText } as const;
const statements = ["version", "source", "licenses"] as const;
const recorded = [...statements, "sourceCheck"] as const;
const words = { version: "version", source: "source", licenses: "licenses", sourceCheck: "source check" } as const;

function statementOf(
  { rootAnnotations, manifest }: AnnotatedPlatform,
  statement: (typeof statements)[number],
): string | undefined {
  const key = annotationKeys[statement];
  return [rootAnnotations[key], manifest.annotations[key]].find((text) => text !== undefined && rules[statement](text));
}

/** Level of the text that an import writes, such as `checksum: sha512 stated by npm's registry`. */
function levelOf({ manifest }: AnnotatedPlatform): SourceLevel {
  const [word] = (manifest.annotations[annotationKeys.sourceCheck] ?? "").split(":");
  return sourceLevels.find((one) => one === word) ?? "none";
}

/**
 * Values that are the same for all platforms, and the lowest level of all platforms' sources. Other values are left out: an entry has one version, and a text that is
 * cut or escaped would be another one.
 */
export function statedOf(platforms: readonly AnnotatedPlatform[]): Stated | undefined {
  const entries = statements.flatMap((statement) => {
    const [value, ...others] = new Set(platforms.map((platform) => statementOf(platform, statement)));
    return value === undefined || others.length > 0 ? [] : [[statement, value] as const];
  });
  const sourceCheck = lowestLevel(platforms.map(levelOf));
  if (entries.length === 0 && sourceCheck === undefined) return undefined;
  return { ...Object.fromEntries(entries), ...(sourceCheck === undefined ? {} : { sourceCheck }) };
}

/** Statements of a lock that the publisher does not make. A lock of an older version lacks statements, which is no fault. */
export function faultsOfStated(
  { stated = {} }: Pick<LockedTool, "stated">,
  platforms: readonly AnnotatedPlatform[],
): readonly string[] {
  const now = statedOf(platforms);
  return recorded
    .filter((statement) => stated[statement] !== undefined && stated[statement] !== now?.[statement])
    .map(
      (statement) =>
        `has the ${words[statement]} ${stated[statement]}, and its publisher states ${now?.[statement] ?? "none"}`,
    );
}
