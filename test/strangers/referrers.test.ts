/** Whoever may push can attach anything, in any number: `info` ends, says what it left out, and believes nothing. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { infoSchema } from "../../src/cli/schemas/artifacts.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { errorReply, reply } from "../support/registry/in-process/exchange.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";

const repository = "t/tool";
const inToto = "application/vnd.in-toto+json";

interface Attached {
  readonly artifactType?: string;
  readonly layers?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mediaType?: string;
  readonly manifests?: readonly object[];
}

async function stage(...faults: readonly Fault[]) {
  const registry = await inProcessRegistry(...faults);
  const dir = temporaryFolder();
  const call = (...args: readonly string[]) =>
    oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  writeFileSync(join(dir, "tool"), "tool");
  const reference = `${registry.host}/${repository}:1`;
  expect((await call("push", reference, "tool")).exitCode).toBe(0);
  const { manifests, blobs, tags } = registry.storage.open(repository);
  const subject = { mediaType: mediaTypes.ociManifest, digest: tags.get("1") ?? "", size: 1 };
  const empty = { mediaType: mediaTypes.empty, digest: sha256("{}"), size: 2 };
  const put = (document: object, mediaType: string): string => {
    const bytes = Buffer.from(JSON.stringify(document));
    manifests.set(sha256(bytes), { mediaType, bytes });
    return sha256(bytes);
  };
  /** Writes a referrer into the registry's storage. */
  const attach = (attached: Attached, to: object = subject): string => {
    const { mediaType = mediaTypes.ociManifest, manifests: listed, layers = [], ...rest } = attached;
    const parts = listed === undefined ? { config: empty, layers } : { manifests: listed };
    return put({ schemaVersion: 2, mediaType, ...parts, subject: to, ...rest }, mediaType);
  };
  const blob = (text: string, mediaType: string): object => {
    blobs.set(sha256(text), Buffer.from(text));
    return { mediaType, digest: sha256(text), size: Buffer.byteLength(text) };
  };
  const info = async (...args: readonly string[]) => {
    const ran = await call("info", reference, "--json", ...args);
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    return { ...v.parse(infoSchema, JSON.parse(ran.stdout)), stderr: ran.stderr };
  };
  return { registry, reference, subject, attach, put, blob, tags, call, info };
}

function statementWith(predicateType: string, predicate: unknown): string {
  const subject = [{ digest: { sha256: "0".repeat(64) } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate });
}

const isReferrers: (path: string) => boolean = (path) => path.includes("/referrers/");

describe("a registry whose list of referrers fails", () => {
  test.for([
    ["500", errorReply(500, "UNKNOWN"), /the referrers of|status 500/],
    [
      "a list that is no index",
      reply(200, { "content-type": mediaTypes.ociIndex }, Buffer.from("[]")),
      /not a JSON object/,
    ],
    [
      "half an answer",
      { ...reply(200, { "content-type": mediaTypes.ociIndex }, Buffer.from("{}")), manner: { cutAfterBytes: -1 } },
      /./,
    ],
  ] as const)("with %s: the artifact is shown, and the list is said to be incomplete", async ([, answer, message]) => {
    const { info, attach, call, reference } = await stage((request, next) =>
      isReferrers(request.url.pathname) ? answer : next(),
    );
    attach({ artifactType: "x/note" });
    const shown = await info();
    expect(shown.platforms).toHaveLength(1);
    expect(shown.referrers).toEqual([]);
    expect(shown.referrersMissing).toMatch(message);
    expect((await call("info", reference)).stderr).toContain("Warning: the list of referrers is incomplete: ");
  });

  test("with 404 and without a fallback tag: there are none", async () => {
    const { info } = await stage((request, next) =>
      isReferrers(request.url.pathname) ? errorReply(404, "NOT_FOUND") : next(),
    );
    expect(await info()).toMatchObject({ referrers: [], referrersMissing: null });
  });

  test("with a web page: the fallback tag is asked", async () => {
    const { info, attach, put, subject, tags } = await stage((request, next) =>
      isReferrers(request.url.pathname) ? reply(200, { "content-type": "text/html" }, Buffer.from("<html>")) : next(),
    );
    const digest = attach({ artifactType: "x/note" });
    const listed = { mediaType: mediaTypes.ociManifest, digest, size: 1 };
    const index = put(
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [listed, listed] },
      mediaTypes.ociIndex,
    );
    tags.set(subject.digest.replace(":", "-"), index);
    expect((await info()).referrers).toMatchObject([{ digest, artifactType: "x/note", problem: null }]);
  });
});

describe("a registry that goes away after the list", () => {
  test("the referrers are named with the reason, and the command ends", async () => {
    let isGone = false;
    const { info, attach, blob } = await stage((request, next) => {
      if (isReferrers(request.url.pathname)) isGone = true;
      else if (isGone) return { ...reply(200), manner: { cutAfterBytes: -1 } };
      return next();
    });
    attach({ artifactType: inToto, layers: [blob(statementWith("x", {}), inToto)] });
    attach({ artifactType: "application/spdx+json" });
    const { referrers, referrersMissing } = await info();
    expect(referrers?.map(({ kind }) => kind).sort()).toEqual(["sbom", "statement"]);
    for (const { problem } of referrers ?? []) expect(problem).toMatch(/\S/);
    expect(referrersMissing).toMatch(/\S/);
  });
});

describe("referrers of a stranger", () => {
  test("twelve hundred: a thousand are listed, a hundred are read, and the rest is counted out", async () => {
    const { info, attach, registry, call, reference } = await stage();
    for (let index = 0; index < 1200; index += 1) attach({ artifactType: "x/note", annotations: { n: String(index) } });
    const before = registry.seen.length;
    const { referrers, referrersMissing } = await info();
    expect(referrers).toHaveLength(1000);
    expect(referrers?.filter(({ problem }) => problem === null)).toHaveLength(100);
    expect(referrersMissing).toBe("more than 1000 referrers: the rest is left out");
    expect(registry.seen.length - before).toBeLessThan(600);
    const { stdout } = await call("info", reference);
    expect(stdout.split("\n").length).toBeLessThan(100);
    expect(stdout).toContain("  and 980 more; --json shows all");
  });

  test("one that lists the artifact that it refers to: the command ends, and shows each once", async () => {
    const { info, attach, subject, call, reference } = await stage();
    const circle = attach({ mediaType: mediaTypes.ociIndex, artifactType: "x/all", manifests: [subject] });
    attach({ artifactType: "x/below" }, { mediaType: mediaTypes.ociIndex, digest: circle, size: 1 });
    expect((await info()).referrers?.map(({ artifactType }) => artifactType)).toEqual(["x/all", "x/below"]);
    const { stdout } = await call("info", reference);
    expect(stdout.match(/Other: x\/all/g)).toHaveLength(1);
    expect(stdout).toContain("    Other: x/below");
  });

  test("an artifact that is listed as its own referrer, and one of another artifact: named as such", async () => {
    const stages = await stage((request, next) => {
      if (!isReferrers(request.url.pathname)) return next();
      const manifests = [{ ...stages.subject }, { ...stages.subject, digest: other }];
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
      return reply(200, { "content-type": mediaTypes.ociIndex }, Buffer.from(JSON.stringify(index)));
    });
    const other = stages.attach({ artifactType: "x/note" }, { ...stages.subject, digest: sha256("another") });
    const { referrers } = await stages.info();
    expect(referrers?.map(({ digest, problem }) => [digest, problem])).toEqual([
      [stages.subject.digest, "its manifest does not refer to this artifact"],
      [other, "its manifest does not refer to this artifact"],
    ]);
  });

  test("a statement of 50 MB: its size is shown, and it is not fetched", async () => {
    const { info, attach, registry } = await stage();
    const layer = { mediaType: inToto, digest: sha256("large"), size: 50_000_000 };
    attach({ artifactType: inToto, layers: [layer] });
    const { referrers } = await info();
    expect(referrers).toMatchObject([{ kind: "statement", problem: expect.stringContaining("50000000 bytes") }]);
    expect(registry.blobReads().filter(({ path }) => path.includes(layer.digest))).toEqual([]);
  });

  test("twenty statements of 4 MB: only as many are fetched as the limit allows", async () => {
    const { info, attach, blob } = await stage();
    for (let index = 0; index < 20; index += 1) {
      attach({ artifactType: inToto, layers: [blob(statementWith("x", "y".repeat(3_500_000) + index), inToto)] });
    }
    const { referrers } = await info();
    const read = referrers?.filter(({ problem }) => problem === null) ?? [];
    expect(read.length).toBeGreaterThan(0);
    expect(read.length).toBeLessThan(10);
    expect(referrers?.find(({ problem }) => problem !== null)?.problem).toContain("too large to read them all");
  });

  test.for([
    ["bytes that are no JSON", "{"],
    ["a statement without subjects", '{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}'],
    ["an envelope of nothing", '{"payloadType":"application/vnd.in-toto+json","payload":"****"}'],
  ] as const)("%s: named with the reason, and the others are read", async ([, text]) => {
    const { info, attach, blob } = await stage();
    attach({ artifactType: inToto, layers: [blob(text, inToto)] });
    attach({ artifactType: inToto, layers: [blob(statementWith("https://slsa.dev/provenance/v0.2", {}), inToto)] });
    const { referrers } = await info();
    expect(referrers?.map(({ kind, problem }) => [kind, problem]).sort()).toEqual([
      ["provenance", null],
      ["statement", expect.stringMatching(/\S/)],
    ]);
  });

  test("words that draw on the terminal, and a builder's name without an end", async () => {
    const evil = "\u001b[2J\u202egnp\nDigest: sha256:evil";
    const { info, attach, blob, call, reference } = await stage();
    const predicate = {
      builder: { id: `https://builder.example/${evil}${"x".repeat(100_000)}` },
      materials: [{ uri: evil, digest: { sha1: evil } }],
    };
    const layer = { ...blob(statementWith("https://slsa.dev/provenance/v0.2", predicate), inToto) };
    const annotations = { "org.opencontainers.image.title": `title${evil}` };
    attach({ artifactType: `x/${evil}`, layers: [{ ...layer, annotations }], annotations: { [evil]: evil } });
    const { stdout } = await call("info", reference);
    expect(stdout).toContain("says: from \\x1b[2J\\u202egnp\\nDigest");
    expect(stdout).toContain("names other content than this artifact");
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]|^Digest: sha256:evil/mu);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(2000);
    const [first] = (await info()).referrers ?? [];
    expect(first?.documents[0]).toMatchObject({ namesArtifact: false, says: { source: evil, revision: evil } });
    expect(first?.documents[0]?.says?.builder).toHaveLength(1000);
  });
});
