/** A registry of npm's with a tool `tool@1.0.0` that has optional packages, as whoever publishes it says. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type RawTarEntry, rawTar } from "../archive/raw-tar.ts";
import { startServer, type TestServer } from "./registry/server.ts";

export const partName = "tool-linux-x64";

export const program: RawTarEntry = { name: "package/bin/tool", body: "#!/bin/sh\n", mode: 0o755 };

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
  /** Packages that the registry does not have. */
  readonly gone?: readonly string[];
}

export async function startNpmRegistry(published: Published = {}): Promise<TestServer> {
  const { optionalDependencies = { [partName]: "1.0.0" }, hasSums = true, stated = () => ({}) } = published;
  const { main = {}, gone = [] } = published;
  const packageJson = { name: "package/package.json", body: `{"name":"${partName}","version":"1.0.0"}` };
  const archive = gzipSync(rawTar(...(published.entries ?? [packageJson, program])));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  let timesAsked = 0;
  return await startServer((request, response, { host }) => {
    if (request.url.endsWith(".tgz")) return void response.end(archive);
    const name = decodeURIComponent(request.url.slice(1));
    if (gone.includes(name)) return void response.writeHead(404).end("{}");
    const tarball = `http://${host}/${name}.tgz`;
    const dist = hasSums ? { tarball, integrity } : { tarball };
    const isMain = Object.hasOwn(optionalDependencies, name) ? false : name.endsWith("tool");
    if (name === partName) timesAsked += 1;
    const of = isMain ? { optionalDependencies, ...main } : { os: ["linux"], cpu: ["x64"], ...stated(timesAsked) };
    const names = isMain ? ["1.0.0"] : (published.versions ?? ["1.0.0"]);
    const versions = Object.fromEntries(names.map((version) => [version, { name, version, dist, ...of }]));
    response.end(JSON.stringify({ name, "dist-tags": { latest: names[0] }, versions }));
  });
}
