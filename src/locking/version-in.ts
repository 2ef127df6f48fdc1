/** @returns Tag of the reference without `{platform}`, else its digest, else `latest`. */
export function versionIn(reference: string): string {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
  const tag = /:([^:/@\\]+)$/.exec(reference.split("@", 1)[0] ?? "")?.[1];
  return tag?.replace(/[-_.]?\{platform\}[-_.]?/, "") || digest || "latest";
}
