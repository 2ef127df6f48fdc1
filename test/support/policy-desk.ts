/** A repository, a project with policies for it, and the commands of a person who locks one tool. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseLock } from "../../src/lockfile/file.ts";
import { keyBundle, signedRepository } from "./signed-repository.ts";

export async function policyDesk() {
  const repository = await signedRepository();
  const { host, dir, inProject, lock, reference, artifact, attach } = repository;
  const newKey = (name: string) => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(join(dir, `${name}.pub`), publicKey.export({ format: "pem", type: "spki" }));
    return privateKey;
  };
  const add = (...more: string[]) => inProject(["lock", "add", "tool", reference, ...more]);
  const update = (...more: string[]) => inProject(["lock", "update", ...more]);
  const locked = () => parseLock(readFileSync(lock, "utf8"), "lock").tools.tool;
  /** Pushes another version to the same tag. */
  const replace = (text: string) => {
    const layer = { ...repository.blob(text, "application/octet-stream"), annotations: {} };
    const next = repository.manifest({ artifactType: "application/x-tool", layers: [layer] });
    repository.tag("1", next);
    return next;
  };
  const sign = (of: { readonly digest: typeof artifact.digest }, key?: ReturnType<typeof newKey>) => {
    repository.referrers.length = 0;
    attach(keyBundle(of.digest, key), {}, { subject: of });
  };
  const prefix = `${host}/t`;
  return { ...repository, newKey, add, update, locked, replace, sign, prefix };
}
