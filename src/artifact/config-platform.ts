/** The platform that a single manifest's config states, as `oras push --artifact-platform` and image builders write it. */
import * as v from "valibot";
import { ArtifactNotFoundError } from "../errors.ts";
import { type Descriptor, type ImageManifest, mediaTypes } from "../model/manifest.ts";
import { formatStated, type PlatformString, platformFromOci, type StatedPlatform } from "../model/platform.ts";
import type { Target } from "../model/source.ts";
import { printable } from "../printable.ts";
import type { Run } from "../transfer/run.ts";
import type { Services } from "./services.ts";
import { readSmallBlob } from "./small-blob.ts";

/** Configs of real images are below 100 KB. */
const maxConfigBytes = 1024 * 1024;

const configSchema = v.object({ os: v.string(), architecture: v.string(), variant: v.nullish(v.string()) });

/** Systems of programs. A config may also state `wasip1/wasm`, and such a module runs on every platform. */
const systems: ReadonlySet<string> = new Set(["linux", "darwin", "windows", "freebsd"]);

/** The config that may state a platform; undefined for other configs, such as the empty config. */
export function platformConfigOf({ config }: ImageManifest): Descriptor | undefined {
  const isKnown = config?.mediaType === mediaTypes.ociConfig || config?.mediaType === mediaTypes.dockerConfig;
  return isKnown && config.size <= maxConfigBytes ? config : undefined;
}

/** @returns Undefined for a config without a platform, and for anything but a config. */
export function platformInConfig(bytes: Uint8Array): StatedPlatform | undefined {
  try {
    const { os, architecture, variant } = v.parse(configSchema, JSON.parse(Buffer.from(bytes).toString("utf8")));
    if (!systems.has(os) || architecture === "") return undefined;
    return { os, architecture, variant: variant ?? undefined };
  } catch {
    return undefined;
  }
}

export interface ConfigAt {
  readonly source: Target;
  readonly config: Descriptor;
}

/** Fetches a config through the cache. The caller holds no transfer slot. @returns Undefined if the source lacks it */
export async function fetchConfig(
  { source, config }: ConfigAt,
  services: Services,
  run: Run,
): Promise<Buffer | undefined> {
  try {
    return await readSmallBlob({ source, blob: config, label: "config" }, services, run);
  } catch (error) {
    if (error instanceof ArtifactNotFoundError) return undefined;
    throw error;
  }
}

/** The error for a platform that the only manifest is not for. */
export function otherPlatform(text: string, wanted: PlatformString, stated: StatedPlatform): ArtifactNotFoundError {
  const own = platformFromOci(stated);
  return new ArtifactNotFoundError(
    "PLATFORM_NOT_FOUND",
    `platform ${wanted} not found in ${text}: its only manifest is for ${printable(formatStated(stated))}`,
    {
      hint:
        own === undefined
          ? `push the artifact for ${wanted}`
          : `name the artifact's platform with --platform: ${own}; or push the artifact for ${wanted}`,
    },
  );
}
