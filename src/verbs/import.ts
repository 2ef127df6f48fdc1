/** `import`: publishes a tool of another ecosystem as one artifact, for every available platform. */

import { basename } from "node:path";
import { type Compressor, formatCompressor } from "../archive/encoder.ts";
import { parseTitle } from "../archive/pack.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError, UsageError } from "../errors.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { clientVersion } from "../importers/client-version.ts";
import { importGo } from "../importers/go.ts";
import { importFile, importUrl, withoutSecrets } from "../importers/local.ts";
import { importMaven } from "../importers/maven.ts";
import { importNpm } from "../importers/npm.ts";
import { importPypi } from "../importers/pypi.ts";
import type { ImportedTool, Importer, ImporterServices } from "../importers/source.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import { type Annotations, annotationKeys } from "../model/manifest.ts";
import { type PlatformString, platformStrings } from "../model/platform.ts";
import { factsOf, type PushRequest, type PushResult, publish, readDestination } from "../publish/artifact.ts";
import type { BuildFacts } from "../publish/provenance.ts";
import { askingForbidden } from "../registry/offline.ts";
import type { Run } from "../transfer/run.ts";
import { checkSources, type SourceDemandRequest, sourceDemands } from "../vouching/demands.ts";
import { nothingVouched, type SourceVerdict, verdictText } from "../vouching/judge.ts";

export type ImportServices = Services & Pick<ImporterServices, "download" | "readUrl">;

export interface ImportRequest extends SourceDemandRequest {
  /** `pypi:NAME@VERSION`, `maven:…`, `npm:…`, `go:…`, `file:PATH`, or a URL. */
  readonly source: string;
  /** Reference to push to, with a tag. */
  readonly reference: string;
  /** Wanted platforms; empty: every available platform. */
  readonly platforms: readonly PlatformString[];
  /** Expected digest of the file at a URL. */
  readonly digest: Digest | undefined;
  /** Name of the pulled file or folder; undefined: the tool's own name. */
  readonly title: string | undefined;
  /** True: platforms for which the tool cannot be built are left out. */
  readonly skipsUnavailable: boolean;
  readonly compressor: Compressor | undefined;
  readonly annotations: Annotations;
  /** As for a push; called before the tool is fetched. */
  readonly readKey: PushRequest["readKey"];
  /** True: writes provenance as a referrer of the artifact. */
  readonly withProvenance: boolean;
}

export interface ImportResult extends PushResult {
  readonly provenances: readonly {
    readonly platform: PlatformString | undefined;
    readonly provenance: string;
    /** Verdict on what the file's source vouched for. */
    readonly source: SourceVerdict;
  }[];
  /** Wanted platforms that the source does not offer. */
  readonly missing: readonly PlatformString[];
}

const importers: ReadonlyMap<string, Importer> = new Map([
  ["pypi", importPypi],
  ["maven", importMaven],
  ["npm", importNpm],
  ["go", importGo],
  ["file", importFile],
]);

/**
 * Imports a tool. The ecosystem's own client fetches the files, and checks the files against its registry's statements.
 *
 * @throws {OrasClientError} `IMPORT_CLIENT_NOT_FOUND`, `IMPORT_FAILED`
 * @throws {ContentVerificationError} `IMPORT_CONTENT_INVALID`, `BLOB_DIGEST_MISMATCH`, `SOURCE_REFUSED`
 */
export async function importTool(request: ImportRequest, services: ImportServices, run: Run): Promise<ImportResult> {
  const text = `${withoutSecrets(request.source)} ${request.reference}`;
  return await audited(
    { operation: "import", reference: text },
    services,
    () => importAndPush(request, services, run),
    ({ digest }) => ({ digest }),
  );
}

async function importAndPush(request: ImportRequest, services: ImportServices, run: Run): Promise<ImportResult> {
  const { source, title } = request;
  if (title !== undefined && parseTitle(title).length === 0) {
    throw new UsageError("USAGE_INVALID", `the title ${JSON.stringify(title)} names no file`, {
      hint: "name a file or a folder with --title",
    });
  }
  const { location } = readDestination(request.reference, services).reference;
  const demands = await sourceDemands(location, request, services);
  const key = await request.readKey?.();
  const readKey = key === undefined ? undefined : async () => key;
  // An ecosystem's own client does not know `--offline`.
  if (services.settings.isOffline && !source.startsWith("file:"))
    throw askingForbidden(`for ${withoutSecrets(source)}`);
  return await withTemporaryFolder("import", services.context, async (workDir) => {
    const { context, download, readUrl } = services;
    const importing = { context, workDir, download, readUrl };
    const tool = await bring(request, importing, run.signal);
    if (tool.files.length === 0) {
      throw new ArtifactNotFoundError(
        "PLATFORM_NOT_FOUND",
        `${withoutSecrets(request.source)} was not found for any wanted platform`,
        {
          hint: `check name and version; the wanted platforms are ${tool.missing.join(", ")}`,
        },
      );
    }
    const judged = checkSources(tool.files, publicSource(source), demands, context);
    const files = tool.files.map((file, index) => ({ ...file, source: judged[index]?.verdict ?? nothingVouched }));
    const items = files.map(({ platform, path, provenance, source: verdict }) => ({
      platform,
      path,
      origin: provenance,
      // Windows runs a file by its suffix.
      title: title === undefined || !/\.exe$/i.test(path) ? title : `${title.replace(/\.exe$/i, "")}.exe`,
      annotations: { [annotationKeys.origin]: provenance, [annotationKeys.sourceCheck]: verdictText(verdict) },
    }));
    const annotations = {
      [annotationKeys.imported]: publicSource(request.source),
      ...(tool.version === undefined ? {} : { [annotationKeys.version]: tool.version }),
      ...(tool.license === undefined ? {} : { [annotationKeys.licenses]: tool.license }),
      ...(tool.sourceUrl === undefined ? {} : { [annotationKeys.source]: tool.sourceUrl }),
      ...request.annotations,
    };
    const { reference, compressor } = request;
    const provenance = request.withProvenance ? await factsOfImport(request, importing, run.signal) : undefined;
    const own = { title: undefined, artifactType: undefined, layerMediaType: undefined };
    const publishing = { reference, items, compressor, annotations, readKey, provenance, ...own };
    const publishTool = (): Promise<PushResult> => publish(publishing, services, run);
    const pushed = await audited({ operation: "push", reference: reference }, services, publishTool, factsOf);
    const provenances = files.map(({ platform, provenance, source: found }) => ({
      platform,
      provenance,
      source: found,
    }));
    return { ...pushed, provenances, missing: tool.missing };
  });
}

/** A local path is private: its name alone stays. */
function publicSource(source: string): string {
  return source.startsWith("file:") ? `file:${basename(source.slice("file:".length))}` : withoutSecrets(source);
}

async function factsOfImport(
  { source, compressor }: ImportRequest,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<BuildFacts> {
  const versions = await clientVersion(source.slice(0, Math.max(0, source.indexOf(":"))), services, signal);
  const parameters = { source: publicSource(source), compression: formatCompressor(compressor) };
  return { command: "import", parameters, versions };
}

async function bring(request: ImportRequest, services: ImporterServices, signal: AbortSignal): Promise<ImportedTool> {
  const { source, digest } = request;
  const platforms = request.platforms.length > 0 ? request.platforms : platformStrings;
  if (/^https?:\/\//i.test(source)) {
    if (request.platforms.length > 1) {
      throw new UsageError("USAGE_INVALID", "a URL names one file, for one platform or for all", {
        hint: "download the files, and import them together as `file:NAME-{platform}`",
      });
    }
    const sha256 = digest === undefined ? undefined : digestHex(digest);
    const files = await importUrl(
      { text: source, sha256, platform: request.platforms[0], title: request.title },
      services,
      signal,
    );
    return { version: undefined, license: undefined, sourceUrl: undefined, files, missing: [] };
  }
  if (digest !== undefined) {
    throw new UsageError("USAGE_INVALID", "--digest needs a URL; every other source is checked by its own checksums", {
      hint: "leave out --digest, or give the URL of the file",
    });
  }
  const colon = source.indexOf(":");
  const importer = importers.get(source.slice(0, colon));
  if (importer === undefined) {
    throw new UsageError("USAGE_INVALID", `${JSON.stringify(source)} names no known source`, {
      hint: `write ${[...importers.keys()].map((name) => `${name}:…`).join(", ")} or a URL`,
    });
  }
  const { platforms: named, skipsUnavailable } = request;
  return await importer({ spec: source.slice(colon + 1), platforms, named, skipsUnavailable }, services, signal);
}
