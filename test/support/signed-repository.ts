/** A repository with one artifact, and people who may push signatures of it. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import * as v from "valibot";
import { expect } from "vitest";
import { verifySignatureSchema } from "../../src/cli/schemas/signatures.ts";
import { type Digest, digestOf } from "../../src/model/digest.ts";
import { annotationKeys, mediaTypes } from "../../src/model/manifest.ts";
import { signatureTypes } from "../../src/signature/media-types.ts";
import { preAuthEncoding, signStatement, statementPayloadType } from "../../src/signature/statement.ts";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { startServer } from "./registry/server.ts";

interface Named {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly [field: string]: unknown;
}

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** A bundle that signs a digest with a key. */
export function keyBundle(digest: Digest, key: KeyObject = privateKey): string {
  const payload = Buffer.from(signStatement(digest));
  const sig = sign("sha256", preAuthEncoding(statementPayloadType, payload), key).toString("base64");
  return JSON.stringify({
    mediaType: signatureTypes.bundle,
    verificationMaterial: { publicKey: { hint: "" } },
    dsseEnvelope: { payload: payload.toString("base64"), payloadType: statementPayloadType, signatures: [{ sig }] },
  });
}

/** A repository with one artifact, whose registry lists and serves what a test wants. */
export async function signedRepository() {
  const documents = new Map<string, { readonly type: string; readonly body: string }>();
  const blobs = new Map<string, string | ((response: ServerResponse) => void)>();
  const referrers: object[] = [];
  const told: { published: Date | undefined } = { published: undefined };
  let listing: ((response: ServerResponse) => void) | undefined;
  const server = await startServer(({ url }, response) => {
    const version = url.split("/manifests/")[1];
    if (url.includes("/referrers/")) {
      if (listing !== undefined) return listing(response);
      response.writeHead(200, { "content-type": mediaTypes.ociIndex });
      return response.end(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: referrers }));
    }
    if (version !== undefined) {
      const found = documents.get(version);
      if (found === undefined) return response.writeHead(404).end();
      const { published } = told;
      const dated = published === undefined ? {} : { "last-modified": published.toUTCString() };
      response.writeHead(200, { "content-type": found.type, ...dated });
      return response.end(found.body);
    }
    const blob = blobs.get(url.split("/blobs/")[1] ?? "");
    if (typeof blob === "function") return blob(response);
    if (blob === undefined) return response.writeHead(404).end();
    return response.end(blob);
  });
  const manifest = (fields: object): Named => {
    const mediaType = mediaTypes.ociManifest;
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: blob("{}", mediaTypes.empty),
      layers: [],
      ...fields,
    });
    const digest = digestOf(body);
    documents.set(digest, { type: mediaType, body });
    return { mediaType, digest, size: Buffer.byteLength(body) };
  };
  const blob = (text: string, mediaType: string): Named => {
    const digest = digestOf(text);
    blobs.set(digest, text);
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const tool = {
    ...blob("#!/bin/sh\necho tool\n", "application/octet-stream"),
    annotations: { [annotationKeys.title]: "tool" },
  };
  const artifact = manifest({ artifactType: "application/x-tool", layers: [tool] });
  const tag = (name: string, { digest }: Named): void => {
    const found = documents.get(digest);
    if (found !== undefined) documents.set(name, found);
  };
  tag("1", artifact);
  /** Lists a bundle as a referrer. */
  const attach = (text: string, layer: object = {}, fields: object = {}): Named => {
    const own = { ...blob(text, signatureTypes.bundle), ...layer };
    const one = manifest({ artifactType: signatureTypes.bundle, layers: [own], subject: artifact, ...fields });
    referrers.push({ ...one, artifactType: signatureTypes.bundle });
    return one;
  };
  const dir = temporaryFolder();
  writeFileSync(join(dir, "cosign.pub"), publicKey.export({ format: "pem", type: "spki" }));
  const reference = `${server.host}/t/tool:1`;
  const call = (...args: string[]) =>
    oras(["verify", "--signature", reference, ...args], {
      cwd: dir,
      env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") },
    });
  const home = join(dir, "home");
  mkdirSync(join(home, ".config", "buck2-oras"), { recursive: true });
  writeFileSync(join(dir, ".buckconfig"), "");
  /** Runs in the folder, which is a project with a home of its own. */
  const inProject = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    oras(args, { cwd: dir, env: { HOME: home, BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...env } });
  /** Writes the policies of the project's file, or of the user's. */
  const policies = (list: readonly object[], owner: "project" | "user" = "project"): void => {
    const file = owner === "project" ? "buck2-oras.json" : "home/.config/buck2-oras/config.json";
    writeFileSync(join(dir, file), JSON.stringify({ policies: list }));
  };
  const lock = join(dir, "oras.lock.json");
  const verify = async (...args: string[]) => {
    const ran = await call("--json", ...(args.length === 0 ? ["--key", "cosign.pub"] : args));
    expect([0, 65], ran.stdout + ran.stderr).toContain(ran.exitCode);
    return { exitCode: ran.exitCode, ...v.parse(verifySignatureSchema, JSON.parse(ran.stdout)) };
  };
  const answerListing = (answer: (response: ServerResponse) => void): void => {
    listing = answer;
  };
  const asked = (part: string): number => server.seen.filter(({ url }) => url.includes(part)).length;
  return {
    reference,
    artifact,
    manifest,
    blob,
    blobs,
    documents,
    referrers,
    attach,
    tag,
    call,
    verify,
    answerListing,
    asked,
    dir,
    host: server.host,
    lock,
    policies,
    inProject,
    /** Time at which the registry got every manifest, by its own word; undefined: it does not say. */
    told,
  };
}
