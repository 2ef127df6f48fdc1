/**
 * Trust root of keyless signatures, from a file that the user names: certificate authorities, logs and timestamp
 * authorities. No check fetches one (`tuf.ts`).
 *
 * @see sigstore protobuf-specs, protos/sigstore_trustroot.proto
 */
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { type TrustMaterial, toTrustMaterial } from "@sigstore/verify";
import type { Context } from "../context.ts";
import { ArtifactNotFoundError, ConfigurationError, type ErrorDetails } from "../errors.ts";
import { isUtf16, readNamedText, utf16 } from "../files/regular-file.ts";

export type TrustRoot = TrustMaterial;

/** The root of the public instance has 7 KB. */
export const maxRootBytes = 4 * 1024 * 1024;

const mediaType = /^application\/vnd\.dev\.sigstore\.trustedroot(?:\.v[0-9.]+\+json|\+json;version=[0-9.]+)$/;

const anotherFile = "name a trusted_root.json, such as `buck2-oras trust-root -o FILE` fetches";

function invalid(name: string, why: string, { cause, hint = anotherFile }: ErrorDetails = {}): ConfigurationError {
  return new ConfigurationError("TRUST_ROOT_INVALID", `the trust root ${name} ${why}`, { cause, hint });
}

/** Keys are a demand's to name, never the root's. */
function noKey(): never {
  throw new TypeError("the trust root has no keys of signers");
}

/**
 * Parses a trust root.
 *
 * @throws {ConfigurationError} `TRUST_ROOT_INVALID`, also for a root that vouches for nobody
 */
export function parseTrustRoot(text: string, name: string): TrustRoot {
  if (isUtf16(text)) throw invalid(name, utf16.why, { hint: utf16.hint });
  let root: TrustRoot;
  let stated: unknown;
  try {
    const json: unknown = JSON.parse(text);
    stated = typeof json === "object" && json !== null && "mediaType" in json ? json.mediaType : undefined;
    root = toTrustMaterial(TrustedRoot.fromJSON(json), noKey);
  } catch (cause) {
    throw invalid(name, "cannot be read", { cause });
  }
  if (typeof stated !== "string" || !mediaType.test(stated)) throw invalid(name, "is no trusted_root.json");
  const authorities = [...root.certificateAuthorities, ...root.timestampAuthorities];
  if (authorities.some(({ certChain }) => certChain.length === 0))
    throw invalid(name, "has an authority without certificate");
  if (authorities.length + root.tlogs.length === 0) throw invalid(name, "names no authority and no log");
  return root;
}

/** @throws {ConfigurationError} `TRUST_ROOT_INVALID` @throws {ArtifactNotFoundError} `FILE_NOT_FOUND` */
export async function readTrustRoot(path: string, context: Pick<Context, "cwd">): Promise<TrustRoot> {
  try {
    return parseTrustRoot(await readNamedText(path, maxRootBytes, context), path);
  } catch (cause) {
    if (!(cause instanceof ArtifactNotFoundError)) throw cause;
    const hint = `check the path, or fetch a trust root with \`buck2-oras trust-root -o ${path}\``;
    throw new ArtifactNotFoundError(cause.code, cause.message, { cause: cause.cause, hint });
  }
}
