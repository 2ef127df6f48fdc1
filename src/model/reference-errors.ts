/** Errors about references: the text as typed, masked and bounded, and the forms to write. */
import { UsageError } from "../errors.ts";
import { withoutLogin } from "./without-login.ts";

const maxQuotedLength = 300;
const forms = "write HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:…, or oci:DIR:TAG";

/** The text as typed, for a message. */
export function quoted(text: string): string {
  return JSON.stringify(withoutLogin(text, maxQuotedLength));
}

export function invalidReference(text: string, why: string, hint = forms): UsageError {
  return new UsageError("REFERENCE_INVALID", `${quoted(text)} is not a reference: ${why}`, { hint });
}

/** `oci://` as Helm and Flux write a registry's reference, `docker://` as skopeo does, or an address. */
const schemePattern = /^[a-z][a-z0-9+.-]*:\/\//i;

/** @throws {UsageError} the text begins with a scheme; the hint has the reference to write */
export function refuseScheme(text: string): void {
  const scheme = schemePattern.exec(text)?.[0];
  if (scheme === undefined) return;
  // Masked with its scheme: only then is everything before the last `@` a login.
  const rest = withoutLogin(text, maxQuotedLength).slice(scheme.length).replace("***@", "");
  const isLayout = /^oci:/i.test(scheme);
  const folder = isLayout
    ? `; a layout folder is oci:DIR, such as oci:${rest.startsWith("/") ? rest : `./${rest}`}`
    : "";
  const isWritable = /^[^/]+\/[^/]/.test(rest) && !rest.includes("://");
  const hint = `${isWritable ? `write ${rest}` : forms}${folder}`;
  throw invalidReference(text, "a reference has no scheme", hint);
}

export function repositoryMissing(text: string, host: string): UsageError {
  return new UsageError("REFERENCE_INVALID", `${quoted(text)} names a registry but no repository`, {
    hint: `write ${host}/REPOSITORY, or ${host}/REPOSITORY:TAG for one artifact`,
  });
}
