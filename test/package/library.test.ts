/** The library as another project has it: packed by npm, installed, compiled by `tsc`, run by Node. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundleLibrary } from "../../scripts/bundle.mjs";
import { libraryTypes } from "../../scripts/library-types.mjs";
import { temporaryFolder } from "../support/folders.ts";
import { linuxTool } from "../support/layout-project.ts";
import { type Ran, run } from "../support/run.ts";

const root = resolve(import.meta.dirname, "../..");
const tsc = join(root, "node_modules/typescript/bin/tsc");

/** Runs `npm` without the network, and expects it to succeed. */
async function npm(args: readonly string[], cwd: string): Promise<Ran> {
  const ran = await run("npm", [...args, "--ignore-scripts", "--offline", "--no-audit", "--no-fund"], { cwd });
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
  return ran;
}

/** A project that has the library installed, built from the sources of now. */
async function consumer(): Promise<string> {
  const dir = temporaryFolder();
  const [packed, project] = [join(dir, "package"), join(dir, "project")];
  const library = await bundleLibrary();
  const files = new Map([
    ["lib/index.cjs", library.outputFiles[0]?.text ?? ""],
    ...[...libraryTypes()].map(([name, text]) => [`lib/types/${name}`, text] as const),
  ]);
  for (const name of ["package.json", "LICENSE", "dist"])
    cpSync(join(root, name), join(packed, name), { recursive: true });
  for (const [name, text] of files) {
    mkdirSync(dirname(join(packed, name)), { recursive: true });
    writeFileSync(join(packed, name), text);
  }
  const { stdout } = await npm(["pack", "--pack-destination", dir], packed);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  await npm(["install", join(dir, stdout.trim().split("\n").at(-1) ?? "")], project);
  return project;
}

const program = `
import { detectPlatformString, errorCodes, OrasClient, OrasClientError } from "buck2-oras";
import type { ArtifactInfo, Digest, LockChange, PullOptions, TransferProgress } from "buck2-oras";

const client: OrasClient = new OrasClient({ registry: "ghcr.io", timeoutSeconds: 1 });
const bytes: number[] = [];
const options: PullOptions = {
  platform: detectPlatformString(),
  digest: undefined,
  output: "out",
  extract: true,
  onProgress: ({ transferredBytes }: TransferProgress) => void bytes.push(transferredBytes),
};
export async function main(): Promise<string> {
  try {
    const info: ArtifactInfo = await client.getArtifactInfo("tools/protoc:1");
    const digest: Digest = info.digest;
    const changes: readonly LockChange[] = await client.lock.update();
    await client.login({ username: "me", password: "secret" });
    return changes.length === 0 ? digest : await client.pull("tools/protoc:1", options);
  } catch (error) {
    if (!(error instanceof OrasClientError)) throw error;
    return \`\${error.code} \${errorCodes[error.code].exit} \${error.hint ?? ""}\`;
  }
}
`;
/** Needs the DOM's types or Node's. */
const withSignal = `
import { OrasClient } from "buck2-oras";
export const pulled: Promise<string> = new OrasClient().pull("x", { signal: AbortSignal.timeout(1) });
`;
const wrong = `
import { OrasClient } from "buck2-oras";
export const pulled: Promise<number> = new OrasClient().pull("x", { digset: "y" });
`;

test("package: the library's types compile in a strict project that has no other types", async () => {
  const project = await consumer();
  const compile = async (files: Readonly<Record<string, string>>, options: object): Promise<string> => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
    const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    const compilerOptions = { ...strict, skipLibCheck: false, noEmit: true, target: "es2022", types: [], ...options };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
    return (await run(process.execPath, [tsc, "-p", project], { cwd: project })).stdout;
  };
  const commonJs = `${program}\nimport oras = require("buck2-oras");\nexport const same: typeof OrasClient = oras.OrasClient;\n`;
  for (const module of ["node16", "nodenext"]) {
    const files = { "esm.ts": program, "common.cts": commonJs };
    expect(await compile(files, { module, moduleResolution: module, lib: ["es2022"] }), module).toBe("");
  }
  const bundler = { module: "esnext", moduleResolution: "bundler" };
  expect(await compile({ "esm.ts": program }, { ...bundler, lib: ["es2022"] })).toBe("");
  expect(await compile({ "esm.ts": program, "dom.ts": withSignal }, { ...bundler, lib: ["es2022", "dom"] })).toBe("");
  const node = { types: ["node"], typeRoots: [join(root, "node_modules/@types")], lib: ["es2022"] };
  expect(await compile({ "node.ts": withSignal }, { module: "nodenext", ...node })).toBe("");
  expect(await compile({ "wrong.ts": wrong }, { ...bundler, lib: ["es2022"] })).toMatch(/TS2322|TS2353/);
});

test("package: the program of docs/library.md runs, by import, and the library by require", async () => {
  const project = await consumer();
  writeFileSync(join(project, "file"), linuxTool);
  cpSync(join(root, "examples/library/tool.mjs"), join(project, "tool.mjs"));
  const env = { BUCK2_ORAS_CACHE_DIR: join(project, "cache") };
  const ran = await run(process.execPath, ["tool.mjs", "file", "oci:layout:1"], { cwd: project, env });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stdout).toMatch(/^pushed sha256:[0-9a-f]{64}\ntool: added\nplaced \S+\/bin\/tool\n$/);
  expect(ran.stderr).toContain(`tool: ${linuxTool.length} of ${linuxTool.length} bytes`);
  expect(readFileSync(join(project, "bin/tool"), "utf8")).toBe(linuxTool);
  const failed = await run(process.execPath, ["tool.mjs", "nope", "oci:layout:1"], { cwd: project, env });
  expect(failed.exitCode).toBe(66);
  expect(failed.stderr).toMatch(/^FILE_NOT_FOUND: file not found: nope; check the path/);
  const required = await run(process.execPath, ["-p", 'typeof require("buck2-oras").OrasClient'], { cwd: project });
  expect(required.stdout).toBe("function\n");
});
