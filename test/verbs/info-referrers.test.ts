/** `info`: what refers to an artifact, on real registries and from strangers. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { infoSchema } from "../../src/cli/schemas/artifacts.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import type { Ran } from "../support/run.ts";

type Info = v.InferOutput<typeof infoSchema>;

const builder = "https://builder.example/v1";
const spdx = JSON.stringify({ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", name: "tool", packages: [] });

function provenance(digest: string): string {
  return JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "tool", digest: { sha256: digest.replace("sha256:", "") } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://builder.example/make",
        externalParameters: {},
        resolvedDependencies: [{ uri: "git+https://git.example/tool", digest: { gitCommit: "a1b2c3" } }],
      },
      runDetails: { builder: { id: builder } },
    },
  });
}

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
  readonly json: (...args: string[]) => Promise<ReturnType<typeof JSON.parse>>;
  readonly info: (...args: string[]) => Promise<Info>;
}

function desk(): Desk {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "tool");
  writeFileSync(join(dir, "tool.spdx.json"), spdx);
  const call: Desk["call"] = (...args) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const json: Desk["json"] = async (...args) => {
    const ran = await call(...args, "--json");
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    return JSON.parse(ran.stdout);
  };
  return { dir, call, json, info: async (...args) => v.parse(infoSchema, await json("info", ...args)) };
}

function briefOf({ referrers }: Info): readonly (readonly unknown[])[] {
  return (referrers ?? []).map(({ kind, format, foundBy }) => [kind, format, foundBy]);
}

describe.for(realRegistries)("info on %s", (name) => {
  test("shows bills of materials and provenance below the manifest that they refer to", async (context) => {
    const host = await startRealRegistry(name, context);
    const reference = `${host}/t/tool:1`;
    const { dir, call, json, info } = desk();
    const pushed = await json("push", reference, "--platform", "linux-x86_64=tool");
    const platform = pushed.platforms[0].digest;
    await json("attach", reference, "tool.spdx.json", "--platform", "linux-x86_64");
    writeFileSync(join(dir, "provenance.json"), provenance(pushed.digest));
    const attached = await json("attach", reference, "provenance.json");
    writeFileSync(join(dir, "report"), "report");
    await json("attach", `${host}/t/tool@${attached.digest}`, "report", "--artifact-type", "x/report");

    const shown = await info(reference);
    expect(shown.referrersMissing).toBeNull();
    expect(shown.referrers?.map(({ subject, kind, format }) => [subject, kind, format])).toEqual([
      [pushed.digest, "provenance", "SLSA v1"],
      [platform, "sbom", "SPDX"],
      [attached.digest, "other", null],
    ]);
    const [document] = shown.referrers?.[0]?.documents ?? [];
    expect(document).toMatchObject({
      namesArtifact: true,
      says: { builder, source: "git+https://git.example/tool", revision: "a1b2c3" },
    });
    const { stdout } = await call("info", reference);
    const lines = stdout.split("\n");
    const at = (text: string) => lines.findIndex((line) => line.startsWith(text));
    expect(at("  Provenance: SLSA v1 (provenance.json), not verified")).toBeGreaterThan(at("Referrers:"));
    expect(at(`    says: built by ${builder}`)).toBeGreaterThan(at("  Provenance:"));
    expect(at("    Other: x/report (report)")).toBeGreaterThan(at("  Provenance:"));
    expect(at("  Bill of materials: SPDX (tool.spdx.json)")).toBeGreaterThan(at("Platform: linux-x86_64"));
    expect((await info(reference, "--no-referrers")).referrers).toBeNull();
  });

  test("shows the signatures of cosign 3, and those below the tag of cosign 2", async (context) => {
    const cosign = requireProgram(context, "cosign");
    const host = await startRealRegistry(name, context);
    const { dir, json, info } = desk();
    const { digest } = await json("push", `${host}/t/tool:1`, "tool");
    const env = { PATH: process.env.PATH, HOME: dir, COSIGN_PASSWORD: "" };
    const run = (...args: readonly string[]) => execFileSync(cosign, args, { cwd: dir, env, stdio: "pipe" });
    run("generate-key-pair");
    const common = [
      "--key",
      "cosign.key",
      "--use-signing-config=false",
      "--tlog-upload=false",
      "--allow-http-registry",
      "-y",
    ];
    run("sign", ...common, `${host}/t/tool@${digest}`);
    run("sign", ...common, "--new-bundle-format=false", `${host}/t/tool@${digest}`);
    const shown = await info(`${host}/t/tool:1`);
    expect(shown.referrersMissing).toBeNull();
    expect([...briefOf(shown)].sort()).toEqual([
      ["signature", "cosign", "tag"],
      ["signature", "sigstore bundle", "referrers"],
    ]);
  });
});
