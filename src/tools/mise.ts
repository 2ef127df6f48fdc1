/**
 * Tools of mise's `http` backend, as TOML.
 *
 * @see https://mise.jdx.dev/dev-tools/backends/http.html
 */
import { createHash } from "node:crypto";
import { anyPlatform } from "../lockfile/schema.ts";
import type { PlatformString } from "../model/platform.ts";
import { type ExportedPlatform, formatNames, notExported } from "./exported.ts";

const platformNames: Readonly<Record<PlatformString, string>> = {
  "linux-x86_64": "linux-x64",
  "linux-aarch64": "linux-arm64",
  "darwin-x86_64": "macos-x64",
  "darwin-arm64": "macos-arm64",
  "windows-x86_64": "windows-x64",
  "windows-arm64": "windows-arm64",
};

/** A string of TOML; JSON's escapes are valid there. */
function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}

/** mise evaluates `{{ … }}` and `{% … %}` in values, also programs in them; names come from a publisher. */
function checkTemplates(name: string, values: readonly string[]): void {
  if (values.some((value) => /[{}]/.test(value)))
    throw notExported(name, "has a brace in a path, which mise evaluates");
}

function optionsOf(name: string, one: ExportedPlatform, url: string): Readonly<Record<string, string | number>> {
  const { layer, program } = one;
  const [base = "", ...above] = program.split("/").toReversed();
  const folder = above.toReversed().join("/");
  const plain = base.replace(/\.exe$/i, "");
  return {
    url,
    checksum: layer.digest,
    size: String(layer.size),
    ...(layer.format === "raw" ? {} : { format: formatNames[layer.format] ?? layer.format }),
    ...(one.isArchive
      ? {
          strip_components: 0,
          ...(folder === "" ? {} : { bin_path: folder }),
          ...(plain === name ? {} : { rename_exe: base === plain ? name : `${name}.exe` }),
        }
      : { bin: program }),
  };
}

/** The version changes with the content: mise keeps an installed version. */
function versionOf(tag: string, exported: readonly ExportedPlatform[]): string {
  const hash = createHash("sha256").update(
    JSON.stringify(exported.map(({ platform, layer }) => [platform, layer.digest])),
  );
  return `${tag}-${hash.digest("hex").slice(0, 12)}`;
}

export interface MiseTool {
  readonly name: string;
  /** Tag of the reference. */
  readonly tag: string;
  readonly exported: readonly ExportedPlatform[];
}

/** @param urlOf Address of a platform's blob. @throws {UsageError} a value that mise would evaluate */
export function miseLines(
  { name, tag, exported }: MiseTool,
  urlOf: (one: ExportedPlatform) => string,
): readonly string[] {
  const table = (path: string, values: Readonly<Record<string, string | number>>): readonly string[] => {
    const entries = Object.entries(values);
    checkTemplates(
      name,
      entries.map(([, value]) => String(value)),
    );
    return [
      path,
      ...entries.map(([key, value]) => `${key} = ${typeof value === "number" ? value : tomlString(value)}`),
    ];
  };
  const key = `tools."http:${name}"`;
  const version = { version: versionOf(tag, exported) };
  const [first] = exported;
  if (first?.platform === anyPlatform)
    return table(`[${key}]`, { ...version, ...optionsOf(name, first, urlOf(first)) });
  return [
    ...table(`[${key}]`, version),
    ...exported.flatMap((one) => {
      const { platform } = one;
      if (platform === anyPlatform) return [];
      return ["", ...table(`[${key}.platforms.${platformNames[platform]}]`, optionsOf(name, one, urlOf(one)))];
    }),
  ];
}
