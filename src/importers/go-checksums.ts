/**
 * Whether Go compared modules with the checksum database, a signed log of all public modules.
 *
 * Go asks the database for each module that no `go.sum` names, also for modules in its cache. Settings of the user can
 * exclude modules or end the comparison. `GOFLAGS=-insecure` and `GONOSUMCHECK` never reach Go here.
 *
 * @see go.dev/ref/mod, "Authenticating modules", and golang.org/x/mod/module, MatchPrefixPatterns
 */
import type { Checked } from "./vouchers.ts";

/** A pattern of `path.Match`. A wrong pattern counts as a match, so that it excludes rather than vouches. */
function regularExpression(glob: string): RegExp {
  const parts: readonly string[] = glob.match(/\[[^\]]*\]|\\.|[^[\\]|[[\\]/g) ?? [];
  if (parts.includes("[") || parts.includes("\\")) return /^/;
  const source = parts.map((part) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (/^\[.+\]$/.test(part)) return part;
    return part.replace(/^\\(?=.)/, "").replace(/[$()*+./?[\\\]^{|}]/g, "\\$&");
  });
  try {
    return new RegExp(`^${source.join("")}$`);
  } catch {
    return /^/;
  }
}

/** True if a glob matches the module's path or a prefix of whole elements. */
export function isExcluded(modulePath: string, patterns: string): boolean {
  return patterns
    .split(",")
    .filter((glob) => glob !== "")
    .some((glob) => {
      const stripped = glob.replace(/\/+$/, "");
      const prefix = modulePath.split("/").slice(0, stripped.split("/").length).join("/");
      return regularExpression(stripped).test(prefix);
    });
}

/** @returns undefined if a module of the program was not compared */
export function checkedByGo(
  modules: readonly string[],
  settings: Readonly<Record<string, string>>,
): Checked | undefined {
  const { GOSUMDB: database = "", GONOSUMDB, GOPRIVATE } = settings;
  if (database === "off" || modules.length === 0) return undefined;
  const excluded = GONOSUMDB ?? GOPRIVATE ?? "";
  if (modules.some((one) => isExcluded(one, excluded))) return undefined;
  const [name = ""] = database.split(/[+ ]/, 1);
  return { level: "signature", by: `checksum database${name === "" ? "" : ` ${name}`}, asked by Go` };
}
