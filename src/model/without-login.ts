/** Text that a user typed, without the login in the text. */

/**
 * A reference as typed, for logs and messages. A user and password, as in a URL, are masked; the length is bounded.
 */
export function withoutLogin(text: string, maxLength: number): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const isLayout = text.startsWith("oci:") && scheme === "";
  const at = isLayout ? -1 : endOfLogin(rest, scheme !== "");
  const masked = at === -1 ? text : `${scheme}***${rest.slice(at)}`;
  return masked.length <= maxLength ? masked : `${masked.slice(0, maxLength - 1)}…`;
}

/**
 * Index of the last `@` that does not begin a digest, or -1. A digest follows a repository; no slash follows a digest.
 */
function endOfLogin(text: string, isUrl: boolean): number {
  const at = text.replace(/@sha[0-9]+:[^@/]*$/i, "").lastIndexOf("@");
  const isDigest = !isUrl && text.slice(0, Math.max(0, at)).includes("/") && !text.slice(at).includes("/");
  return isDigest ? -1 : at;
}
