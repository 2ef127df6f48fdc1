/** Quoting of paths for shells. Nothing inside a quoted word is evaluated. */

/** sh, bash, zsh, ksh. */
export function posixWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Within single quotes, fish knows `\'` and `\\` alone. */
export function fishWord(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** PowerShell takes typographic quotes for quotes, too, so each is doubled. */
export function powershellWord(text: string): string {
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, "$&$&")}'`;
}

/** A word of a batch file. Paths of Windows contain no double quotes. */
export function cmdWord(text: string): string {
  return `"${text.replaceAll("%", "%%")}"`;
}
