/** Names that a statement gives to a file, compared as its ecosystem compares them. */

/** PyPA specifications, "Names and normalization". */
function project(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Numbers without leading zeros: of other spellings, an index takes the normal one alone. */
function release(version: string): string {
  return version.toLowerCase().replace(/(?<![0-9a-z])0+(?=[0-9]+(?![0-9a-z]))/g, "");
}

/** `manylinux_2_17_x86_64.manylinux2014_x86_64` is a set: publishers have signed it in another order than the file's. */
function tags(compressed: string): string {
  return [...new Set(compressed.toLowerCase().split("."))].sort().join(".");
}

/** @see PyPA specifications, "Binary distribution format", "File name convention" */
function wheel(name: string): string | undefined {
  const parts = name.split("-");
  const [named = "", version = "", ...rest] = parts;
  if (parts.length !== 5 && parts.length !== 6) return undefined;
  return [project(named), release(version), ...rest.slice(0, -3), ...rest.slice(-3).map(tags)].join(" ");
}

/** One spelling for all names of a file: Python's indexes do not tell `-` from `_`. */
function spelling(name: string): string {
  const stem = /^(.+)\.whl$/.exec(name)?.[1];
  return (stem === undefined ? undefined : wheel(stem)) ?? name.toLowerCase().replaceAll("_", "-");
}

export function isNameOf(stated: string, names: readonly string[]): boolean {
  const wanted = spelling(stated);
  return names.some((name) => spelling(name) === wanted);
}
