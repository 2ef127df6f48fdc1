/** Arguments of the client's methods → requests of the use cases. */

import { defaultLevels } from "../archive/compress.ts";
import { UsageError } from "../errors.ts";
import { type Digest, parseDigest } from "../model/digest.ts";
import { type PlatformString, parsePlatform } from "../model/platform.ts";
import type { PushRequest } from "../publish/artifact.ts";
import type { CopyRequest } from "../verbs/copy.ts";
import type { ImportRequest } from "../verbs/import.ts";
import type { PullRequest, PullResult } from "../verbs/pull.ts";
import { parseArgument, schemas } from "./arguments.ts";
import type { CallArguments } from "./call.ts";
import type {
  CallOptions,
  ClearCacheOptions,
  CopyOptions,
  Credentials,
  ImportOptions,
  InfoOptions,
  PublishOptions,
  PullOptions,
  PushOptions,
} from "./options.ts";
import type { PulledArtifact } from "./results.ts";

/** A request together with the signal and progress of its call. */
type Of<Request> = Request & CallArguments;

function optionsOf(method: string): string {
  return `the options of ${method}`;
}

function textOf(value: string, name: string, method: string): string {
  return parseArgument(schemas.text, value, `\`${name}\` of ${method}`);
}

function digestOf(digest: string | undefined): Digest | undefined {
  return digest === undefined ? undefined : parseDigest(digest);
}

function platformOf(platform: string | undefined): PlatformString | undefined {
  return platform === undefined ? undefined : parsePlatform(platform);
}

function compressorOf(compression: PublishOptions["compression"] = "zstd"): PushRequest["compressor"] {
  return compression === "none" ? undefined : { format: compression, level: defaultLevels[compression] };
}

export function callOf<Name extends string>(
  method: string,
  argument: { readonly [name in Name]: string },
  options: CallOptions,
): Of<{ readonly [name in Name]: string }> {
  const call = parseArgument(schemas.call, options, optionsOf(method));
  for (const [name, value] of Object.entries<string>(argument)) textOf(value, name, method);
  return { ...argument, ...call };
}

export function pullRequest(method: string, reference: string, options: PullOptions): Of<PullRequest> {
  const {
    digest,
    platform,
    output,
    extract = false,
    ...call
  } = parseArgument(schemas.pull, options, optionsOf(method));
  if (extract && output === undefined) {
    throw new UsageError("OUTPUT_REQUIRED", `\`extract\` of ${method} needs a folder to unpack into`, {
      hint: "name the folder as `output`",
    });
  }
  return {
    ...call,
    reference: textOf(reference, "reference", method),
    digest: digestOf(digest),
    platform: platformOf(platform),
    output,
    extract,
  };
}

/**
 * The result with the path that a program looks for: the placed file, or the folder of several files or an archive.
 *
 * @param folder Absolute path of the output folder; undefined without one.
 */
export function pulledArtifact(result: PullResult, folder: string | undefined, extract: boolean): PulledArtifact {
  if (folder === undefined || result.contentDigest === undefined) return result;
  const isUnpacked = extract && !result.isLeftAsIs;
  return { ...result, path: isUnpacked ? folder : (result.placed[0] ?? folder) };
}

export function infoRequest(reference: string, options: InfoOptions) {
  const { platform, ...call } = parseArgument(schemas.info, options, optionsOf("getArtifactInfo"));
  return {
    ...call,
    reference: textOf(reference, "reference", "getArtifactInfo"),
    platform: platformOf(platform),
  };
}

export function clearRequest(options: ClearCacheOptions) {
  const { olderThanDays, maxSizeBytes, ...call } = parseArgument(schemas.clearCache, options, optionsOf("clearCache"));
  return { ...call, olderThanDays, maxSizeBytes };
}

export function verifyRequest(path: string, digest: string, options: CallOptions) {
  return {
    ...parseArgument(schemas.call, options, optionsOf("verifyArtifact")),
    path: parseArgument(schemas.path, path, "`path` of verifyArtifact"),
    digest: parseDigest(textOf(digest, "digest", "verifyArtifact")),
  };
}

export function pushRequest(reference: string, path: string | undefined, options: PushOptions): Of<PushRequest> {
  const {
    platforms = {},
    compression,
    annotations = {},
    title,
    artifactType,
    ...call
  } = parseArgument(schemas.push, options, optionsOf("push"));
  const forPlatforms = Object.entries(platforms).map(([name, one]) => ({ platform: parsePlatform(name), path: one }));
  const forAll =
    path === undefined ? [] : [{ platform: undefined, path: parseArgument(schemas.path, path, "`path` of push") }];
  return {
    ...call,
    reference: textOf(reference, "reference", "push"),
    items: [...forAll, ...forPlatforms],
    title,
    artifactType,
    layerMediaType: undefined,
    compressor: compressorOf(compression),
    annotations,
    readKey: undefined,
    provenance: undefined,
  };
}

export function importRequest(source: string, reference: string, options: ImportOptions): Of<ImportRequest> {
  const {
    platforms = [],
    compression,
    annotations = {},
    digest,
    title,
    skipUnavailable = false,
    requireSource: requiredSource,
    trustRoot,
    registryKeys,
    ...call
  } = parseArgument(schemas.import, options, optionsOf("importTool"));
  return {
    ...call,
    source: textOf(source, "source", "importTool"),
    reference: textOf(reference, "reference", "importTool"),
    platforms: platforms.map(parsePlatform),
    digest: digestOf(digest),
    title,
    skipsUnavailable: skipUnavailable,
    requiredSource,
    trustRoot,
    registryKeys,
    compressor: compressorOf(compression),
    annotations,
    readKey: undefined,
    withProvenance: false,
  };
}

export function copyRequest(source: string, destination: string, options: CopyOptions): Of<CopyRequest> {
  const { referrers = true, ...call } = parseArgument(schemas.copy, options, optionsOf("copy"));
  return {
    ...call,
    source: textOf(source, "source", "copy"),
    destination: textOf(destination, "destination", "copy"),
    withReferrers: referrers,
  };
}

export function loginRequest(credentials: Credentials, options: CallOptions) {
  return {
    ...parseArgument(schemas.credentials, credentials, "`credentials` of login"),
    ...parseArgument(schemas.call, options, optionsOf("login")),
  };
}

export function logoutRequest(registry: string | undefined, options: CallOptions) {
  const call = parseArgument(schemas.call, options, optionsOf("logout"));
  return { ...call, registry: registry === undefined ? undefined : textOf(registry, "registry", "logout") };
}
