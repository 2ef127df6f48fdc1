/** Choice among the executables of a tool. `_executable_among` of `rules/lock.bzl` makes the same choice. */

/**
 * @param paths Executables of the tool's layers.
 * @returns The path with the tool's name, or else the only path.
 */
export function executableAmong(name: string, paths: readonly string[]): string | undefined {
  const named = paths.find((path) => [name, `${name}.exe`].includes(path.split("/").at(-1) ?? ""));
  return named ?? (paths.length === 1 ? paths[0] : undefined);
}
