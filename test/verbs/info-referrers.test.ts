/** `info`: what refers to an artifact, on real registries and from strangers. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { ReferrerInfo } from "../../src/attestation/referrer.ts";
import { layOut } from "../../src/cli/layout.ts";
import { ReferrerLines } from "../../src/cli/referrer-lines.ts";
import { infoSchema } from "../../src/cli/schemas/artifacts.ts";
import { digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { rawLayout, tagged } from "../support/raw-layout.ts";
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
      says: { builder, source: "git+https://git.example/tool", revision: "a1b2c3", checksum: null },
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

describe("info of a layout", () => {
  const statement = (predicateType: string, predicate: object, hex: string) =>
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v0.1",
      subject: [{ name: "tool", digest: { sha256: hex } }],
      predicateType,
      predicate,
    });
  const slsa02 = {
    builder: { id: builder },
    invocation: { configSource: { uri: "git+https://git.example/tool", digest: { sha1: "a1b2c3" } } },
  };

  test("shows what BuildKit writes into an index, below the platform that it is about", async () => {
    const { dir, info } = desk();
    const layout = rawLayout(join(dir, "layout"));
    const tool = layout.manifest({ tool: "x" });
    const hex = tool.digest.replace("sha256:", "");
    const layers = ["https://slsa.dev/provenance/v0.2", "https://spdx.dev/Document"].map((type) => ({
      ...layout.blob(statement(type, slsa02, hex), "application/vnd.in-toto+json"),
      annotations: { "in-toto.io/predicate-type": type },
    }));
    const config = layout.blob("{}", mediaTypes.ociConfig);
    const mediaType = mediaTypes.ociManifest;
    const attestation = layout.blob(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }), mediaType);
    const annotations = {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": tool.digest,
    };
    const index = layout.index([
      { ...tool, platform: { os: "linux", architecture: "amd64" } },
      { ...attestation, annotations, platform: { os: "unknown", architecture: "unknown" } },
    ]);
    layout.entries([tagged(index, "1")]);
    const { referrers } = await info("oci:layout:1");
    expect(referrers).toMatchObject([
      {
        subject: tool.digest,
        foundBy: "index",
        kind: "provenance",
        format: "SLSA v0.2",
        documents: [
          {
            namesArtifact: true,
            says: { builder, source: "git+https://git.example/tool", revision: "a1b2c3", checksum: null },
          },
          { predicateType: "https://spdx.dev/Document", says: null },
        ],
      },
    ]);
  });

  test("shows the referrers of a manifest that two platforms share, once below each", async () => {
    const { json, info, call } = desk();
    await json("push", "oci:layout:1", "--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=tool");
    const { digest } = await json("attach", "oci:layout:1", "tool.spdx.json", "--platform", "linux-x86_64");
    expect((await info("oci:layout:1")).referrers).toMatchObject([{ digest }]);
    const { stdout, stderr } = await call("info", "oci:layout:1");
    expect(stdout.match(/ {2}Bill of materials: SPDX/g)).toHaveLength(2);
    expect(stderr).toBe("");
  });

  test("ends where a tag of cosign 2 leads back to the artifact", async () => {
    const { dir, info, call } = desk();
    const layout = rawLayout(join(dir, "layout"));
    const tool = layout.manifest({ tool: "x" });
    const mediaType = mediaTypes.ociManifest;
    const config = layout.blob("{}", mediaTypes.empty);
    const note = { mediaType, artifactType: "x/note", config, layers: [], subject: tool };
    const referrer = layout.blob(JSON.stringify(note), mediaType);
    const tag = `sha256-${referrer.digest.replace("sha256:", "")}.sig`;
    layout.entries([tagged(tool, "1"), referrer, tagged(tool, tag)]);
    expect((await info("oci:layout:1")).referrers?.map(({ digest }) => digest)).toEqual([referrer.digest, tool.digest]);
    expect((await call("info", "oci:layout:1")).stdout.match(/Other: x\/note/g)).toHaveLength(1);
  });

  test("shows Notation's signatures and the attestations of cosign 2, by name", async () => {
    const { dir, info, call } = desk();
    const layout = rawLayout(join(dir, "layout"));
    const tool = layout.manifest({ tool: "x" });
    const hex = tool.digest.replace("sha256:", "");
    const mediaType = mediaTypes.ociManifest;
    const notation = "application/vnd.cncf.notary.signature";
    const signature = layout.blob("jws", "application/jose+json");
    const ofNotation = { mediaType, config: layout.blob("{}", notation), layers: [signature], subject: tool };
    const payload = Buffer.from(statement("https://slsa.dev/provenance/v0.2", slsa02, hex)).toString("base64");
    const envelope = JSON.stringify({ payloadType: "application/vnd.in-toto+json", payload, signatures: [] });
    const att = {
      mediaType,
      config: layout.blob("{}", mediaTypes.ociConfig),
      layers: [layout.blob(envelope, "application/vnd.dsse.envelope.v1+json")],
    };
    layout.entries([
      tagged(tool, "1"),
      layout.blob(JSON.stringify(ofNotation), mediaType),
      tagged(layout.blob(JSON.stringify(att), mediaType), `sha256-${hex}.att`),
    ]);
    expect(briefOf(await info("oci:layout:1"))).toEqual([
      ["signature", "Notation", "referrers"],
      ["provenance", "SLSA v0.2", "tag"],
    ]);
    const { stdout } = await call("info", "oci:layout:1");
    expect(stdout).toContain("  Signature: Notation, not verified");
    expect(stdout).toContain("  Provenance: SLSA v0.2, not verified");
  });
});

test("info in a narrow window: only digests are longer than the window", () => {
  const claim = {
    builder: "https://builder.example/a b c d e f g h i j k",
    source: "x".repeat(10),
    revision: undefined,
    checksum: undefined,
  };
  const digest = digestOf("x");
  const document = {
    digest,
    mediaType: "x/y",
    size: 1234,
    title: "tool.spdx.json",
    predicateType: "x",
    namesArtifact: false,
  };
  const referrer: ReferrerInfo = {
    subject: digestOf("tool"),
    digest,
    foundBy: "referrers",
    kind: "provenance",
    format: "SLSA v1",
    artifactType: "x/y",
    annotations: {},
    documents: [{ ...document, says: claim }],
    problem: undefined,
  };
  const lines = layOut(new ReferrerLines([referrer]).below(referrer.subject, "  "), 40);
  expect(lines.length).toBeGreaterThan(4);
  for (const line of lines.filter((one) => !one.includes("sha256:"))) expect(line.length).toBeLessThan(40);
});
