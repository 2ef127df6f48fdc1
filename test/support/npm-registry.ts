/** A registry of npm's with a tool `tool@1.0.0` that has optional packages, as whoever publishes it says. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type RawTarEntry, rawTar } from "../archive/raw-tar.ts";
import { startServer, type TestServer } from "./registry/server.ts";

export const partName = "tool-linux-x64";

export const program: RawTarEntry = { name: "package/bin/tool", body: "#!/bin/sh\n", mode: 0o755 };

export interface Archive {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** As npm states it. */
  readonly integrity: string;
  /** In hex. */
  readonly sha512: string;
}

export interface Published {
  /** Of `tool`. */
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  /** Of the package for a platform, instead of `package.json` and `bin/tool`. */
  readonly entries?: readonly RawTarEntry[];
  /** False: of no archive a sum is stated. */
  readonly hasSums?: boolean;
  /** Put over what the registry says of the package for a platform, each time that it is asked. */
  readonly stated?: (timesAsked: number) => Readonly<Record<string, unknown>>;
  /** Put over what the registry says of `tool`. */
  readonly main?: Readonly<Record<string, unknown>>;
  /** Versions of the package for a platform, in place of 1.0.0. */
  readonly versions?: readonly string[];
  /** Put over what the registry says of the platform's archive, and what it answers to other paths. */
  readonly vouched?: (archive: Archive) => {
    readonly dist: Readonly<Record<string, unknown>>;
    readonly answers?: Readonly<Record<string, string | { readonly location: string }>>;
  };
  /** Packages that the registry does not have. */
  readonly gone?: readonly string[];
}

export async function startNpmRegistry(published: Published = {}): Promise<TestServer> {
  const { optionalDependencies = { [partName]: "1.0.0" }, hasSums = true, stated = () => ({}) } = published;
  const { main = {}, gone = [] } = published;
  const packageJson = { name: "package/package.json", body: `{"name":"${partName}","version":"1.0.0"}` };
  const archive = gzipSync(rawTar(...(published.entries ?? [packageJson, program])));
  const hash = createHash("sha512").update(archive).digest();
  const integrity = `sha512-${hash.toString("base64")}`;
  let timesAsked = 0;
  return await startServer((request, response, { host }) => {
    if (request.url.endsWith(".tgz")) return void response.end(archive);
    const name = decodeURIComponent(request.url.slice(1));
    if (gone.includes(name)) return void response.writeHead(404).end("{}");
    const tarball = `http://${host}/${name}.tgz`;
    const said = published.vouched?.({ host, integrity, sha512: hash.toString("hex") });
    const answer = said?.answers?.[request.url];
    if (typeof answer === "string") return void response.end(answer);
    if (answer !== undefined) return void response.writeHead(302, answer).end();
    if (name.startsWith("-/")) return void response.writeHead(404).end("{}");
    const dist = { tarball, ...(hasSums ? { integrity } : {}), ...(name === partName ? said?.dist : {}) };
    const isMain = Object.hasOwn(optionalDependencies, name) ? false : name.endsWith("tool");
    if (name === partName) timesAsked += 1;
    const of = isMain ? { optionalDependencies, ...main } : { os: ["linux"], cpu: ["x64"], ...stated(timesAsked) };
    const names = isMain ? ["1.0.0"] : (published.versions ?? ["1.0.0"]);
    const versions = Object.fromEntries(names.map((version) => [version, { name, version, dist, ...of }]));
    response.end(JSON.stringify({ name, "dist-tags": { latest: names[0] }, versions }));
  });
}
