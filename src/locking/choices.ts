/** The executable of an artifact: stated by a person, stated by the publisher, or chosen by name and bytes. */
import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError } from "../errors.ts";
import { anyPlatform, type LockPlatform } from "../lockfile/schema.ts";
import { listed } from "../model/listed.ts";
import { printable } from "../printable.ts";
import { candidatesIn, chooseTool, findStated, type ToolFile } from "./tool-files.ts";

/** Names shown in a message. */
const maxShown = 10;

function listedPaths(files: readonly ToolFile[]): string {
  const paths = files.map(({ path }) => path).sort();
  return listed(paths, maxShown, printable);
}

export interface ExecutableRequest {
  /** Name of the tool in the lock. */
  readonly name: string;
  readonly platform: LockPlatform;
  readonly files: readonly ToolFile[];
  /** Value of `--executable`. */
  readonly wanted: string | undefined;
  /** Value of the annotation `dev.buck2-oras.executable`. */
  readonly stated: string | undefined;
}

/** @throws {ArtifactNotFoundError} `FILE_NOT_FOUND` for a wanted file that the artifact lacks */
export function executableOf(
  { name, platform, files, wanted, stated }: ExecutableRequest,
  { context }: Pick<Services, "context">,
): string | undefined {
  if (wanted !== undefined) {
    const found = findStated(files, wanted, platform);
    if (found !== undefined) return found;
    const candidates = candidatesIn(files);
    throw new ArtifactNotFoundError(
      "FILE_NOT_FOUND",
      `${name} has no file ${JSON.stringify(wanted)}${platform === anyPlatform ? "" : ` for ${platform}`}`,
      {
        hint:
          candidates.length === 0
            ? "leave out --executable: the artifact has no executable"
            : `choose with --executable from the artifact's executables: ${listedPaths(candidates)}`,
      },
    );
  }
  const found = stated === undefined ? undefined : findStated(files, stated, platform);
  if (found !== undefined) return found;
  if (stated !== undefined) {
    context.log.warn(
      `the publisher of ${name} names the executable ${printable(JSON.stringify(stated))}, which is not among the files`,
    );
  }
  return chooseTool(files, name, platform);
}

/** The files of a platform without an executable. */
export interface Unchosen {
  readonly platform: LockPlatform;
  readonly files: readonly ToolFile[];
}

/** Warns of platforms with several candidates. An artifact without any program, such as `.proto` files, is no fault. */
export function warnOfUnchosen(
  name: string,
  unchosen: readonly Unchosen[],
  { context }: Pick<Services, "context">,
): void {
  const unclear = unchosen
    .map(({ platform, files }) => ({ platform, candidates: candidatesIn(files) }))
    .filter(({ candidates }) => candidates.length > 0);
  const [first] = unclear;
  if (first === undefined) return;
  const platforms = unclear.map(({ platform }) => platform).join(", ");
  const where = first.platform === anyPlatform ? "" : ` for ${platforms}`;
  context.log.warn(
    `${name} is locked without an executable${where}: no file is named ${name}, and there are ${listedPaths(first.candidates)}; ` +
      "name one with `lock add … --executable PATH`",
  );
}
