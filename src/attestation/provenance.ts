/**
 * SLSA provenance, as its author states it. Nobody verified the statement: a builder's name is a claim.
 *
 * @see https://slsa.dev/spec/v0.2/provenance and https://slsa.dev/spec/v1.1/provenance
 */
import * as v from "valibot";

export interface Claims {
  /** Identity of the build service. */
  readonly builder: string | undefined;
  /** Where the source came from, or the first input. */
  readonly source: string | undefined;
  /** Commit of that source. */
  readonly revision: string | undefined;
  /** `sha256:…` of a source that is a file; undefined where a commit is stated. */
  readonly checksum: string | undefined;
}

/** Longer texts are cut: real identities are URLs. */
const maxChars = 1000;

const text = v.fallback(
  v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty(),
      v.transform((one) => (one.length <= maxChars ? one : `${one.slice(0, maxChars - 1)}…`)),
    ),
  ),
  undefined,
);
const digests = v.fallback(v.optional(v.record(v.string(), v.string())), undefined);
const resource = v.fallback(v.object({ uri: text, digest: digests }), {});
type Resource = v.InferOutput<typeof resource>;
/** Inputs beyond the first thousand do not change what is shown. */
const resources = v.fallback(
  v.pipe(
    v.array(v.unknown()),
    v.transform((all) => all.slice(0, 1000)),
    v.array(resource),
  ),
  [],
);
const builder = v.fallback(v.object({ id: text }), {});

const older = v.object({
  builder,
  invocation: v.fallback(v.object({ configSource: resource }), { configSource: {} }),
  materials: resources,
});
const parameters = v.fallback(
  v.object({
    source: text,
    configSource: resource,
    workflow: v.fallback(v.object({ repository: text, ref: text }), {}),
  }),
  { configSource: {}, workflow: {} },
);
const current = v.object({
  buildDefinition: v.object({ externalParameters: parameters, resolvedDependencies: resources }),
  runDetails: v.fallback(v.object({ builder }), { builder: {} }),
});

const provenanceType = /^https:\/\/slsa\.dev\/provenance\/(v0\.[12]|v1)(?:\.\d)?$/;

/** @returns `v0.1`, `v0.2` or `v1`; undefined for another predicate. */
export function provenanceVersion(predicateType: string): string | undefined {
  return provenanceType.exec(predicateType)?.[1];
}

/** The first digest of these names. */
function digestIn({ digest = {} }: Resource, names: readonly string[]): string | undefined {
  const name = names.find((one) => Object.hasOwn(digest, one)) ?? "";
  return v.parse(text, digest[name]);
}

/** `sha1` is the name of a commit in older provenance. */
function revisionOf(resource: Resource): string | undefined {
  return digestIn(resource, ["gitCommit", "sha1"]);
}

function checksumOf(resource: Resource): string | undefined {
  const sum = digestIn(resource, ["sha256"]);
  return sum === undefined ? undefined : v.parse(text, `sha256:${sum}`);
}

function isRepository({ uri, digest = {} }: Resource): boolean {
  return uri?.startsWith("git+") === true || Object.hasOwn(digest, "gitCommit") || Object.hasOwn(digest, "sha1");
}

function claimsOf(id: string | undefined, stated: Resource, inputs: readonly Resource[]): Claims {
  const [first = {}] = inputs;
  const repository = inputs.find(isRepository);
  const origin = stated.uri === undefined ? (repository ?? first) : stated;
  const sameOrigin = inputs.find(({ uri }) => uri !== undefined && uri === origin.uri);
  const of = [origin, sameOrigin ?? {}, repository ?? {}];
  const [revision] = of.map(revisionOf).filter((one) => one !== undefined);
  const [checksum] = revision === undefined ? of.map(checksumOf).filter((one) => one !== undefined) : [];
  return { builder: id, source: origin.uri, revision, checksum };
}

/** @returns undefined for a predicate that is no SLSA provenance */
export function readProvenance(predicateType: string, predicate: unknown): Claims | undefined {
  const version = provenanceVersion(predicateType);
  if (version === undefined) return undefined;
  if (version !== "v1") {
    const parsed = v.safeParse(older, predicate);
    if (!parsed.success) return undefined;
    const { builder: by, invocation, materials } = parsed.output;
    return claimsOf(by.id, invocation.configSource, materials);
  }
  const parsed = v.safeParse(current, predicate);
  if (!parsed.success) return undefined;
  const { externalParameters, resolvedDependencies } = parsed.output.buildDefinition;
  const { source, configSource, workflow } = externalParameters;
  const stated: Resource = { ...configSource, uri: source ?? configSource.uri ?? workflow.repository };
  return claimsOf(parsed.output.runDetails.builder.id, stated, resolvedDependencies);
}
