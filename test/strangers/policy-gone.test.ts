/** Signed manifests that a registry no longer has: whoever wrote the lock could put any files below their digests. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatLock, parseLock } from "../../src/lockfile/file.ts";
import { type Digest, digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { temporaryFolder } from "../support/folders.ts";
import { policyDesk } from "../support/policy-desk.ts";
import { keyBundle } from "../support/signed-repository.ts";
import { succeeding } from "../support/succeeding.ts";

test.each(["index", "manifest"] as const)(
  "policy: the signature of a gone %s vouches for no files of a lock",
  async (kind) => {
    const { blob, manifest, documents, attach, tag, policies, inProject, prefix, lock } = await policyDesk();
    const made = (text: string) => {
      const layer = { ...blob(`#!/bin/sh\n# ${text}\n`, "application/x-tool"), annotations: {} };
      return { ...manifest({ layers: [layer] }), platform: { os: "linux", architecture: "amd64" } };
    };
    /** The same program alone, or in an index. */
    const published = (text: string): { readonly digest: Digest; readonly [field: string]: unknown } => {
      const only = made(text);
      if (kind === "manifest") return only;
      const body = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [only] });
      documents.set(digestOf(body), { type: mediaTypes.ociIndex, body });
      return { digest: digestOf(body), mediaType: mediaTypes.ociIndex, size: Buffer.byteLength(body) };
    };
    const [signed, other, next] = [published("signed"), published("never signed"), made("next")];
    attach(keyBundle(signed.digest), {}, { subject: signed });
    const locked = async (of: { readonly digest: Digest }) => {
      await succeeding(inProject(["lock", "add", "tool", `${prefix}/tool@${of.digest}`]));
      return parseLock(readFileSync(lock, "utf8"), lock).tools.tool ?? expect.fail("no tool");
    };
    const { platforms } = await locked(other);
    await succeeding(inProject(["lock", "remove", "tool"]));
    policies([{ prefix, signers: [{ key: "cosign.pub" }] }]);
    const tool = await locked(signed);
    tag("1", next);
    const check = (...more: string[]) =>
      inProject(["lock", "check", "--policy", ...more], { BUCK2_ORAS_CACHE_DIR: temporaryFolder() });
    expect((await check("--online")).exitCode).toBe(0);
    const forged = Object.entries(platforms).map(([platform, one]) => {
      return [platform, kind === "index" ? one : { ...one, manifest: tool.digest }] as const;
    });
    const reference = `${prefix}/tool:1`;
    const evil = { ...tool, platforms: Object.fromEntries(forged) };
    for (const one of [evil, { ...evil, reference }]) {
      writeFileSync(lock, formatLock({ version: 1, tools: { tool: one } }));
      expect((await check()).exitCode).toBe(0);
      documents.set(signed.digest, documents.get(signed.digest) ?? expect.fail("no document"));
      const seen = await check("--online");
      expect([seen.exitCode, seen.stderr]).toEqual([78, expect.stringContaining("[LOCK_OUTDATED]")]);
    }
    documents.delete(signed.digest);
    for (const one of [evil, { ...evil, reference }, { ...tool, reference }]) {
      writeFileSync(lock, formatLock({ version: 1, tools: { tool: one } }));
      const gone = await check("--online");
      expect([gone.exitCode, gone.stdout]).toEqual([65, expect.stringContaining("nobody can tell")]);
      expect(gone.stdout).not.toContain("fulfils the policies");
    }
  },
);
