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
}

export async function startNpmRegistry(published: Published = {}): Promise<TestServer> {
  const { optionalDependencies = { [partName]: "1.0.0" }, hasSums = true, stated = () => ({}) } = published;
  const packageJson = { name: "package/package.json", body: `{"name":"${partName}","version":"1.0.0"}` };
  const archive = gzipSync(rawTar(...(published.entries ?? [packageJson, program])));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  let timesAsked = 0;
  return await startServer((request, response, { host }) => {
    if (request.url.endsWith(".tgz")) return void response.end(archive);
    const name = decodeURIComponent(request.url.slice(1));
    const tarball = `http://${host}/${name}.tgz`;
    const dist = hasSums ? { tarball, integrity } : { tarball };
    if (name === partName) timesAsked += 1;
    const of = name === "tool" ? { optionalDependencies } : { os: ["linux"], cpu: ["x64"], ...stated(timesAsked) };
    const versions = { "1.0.0": { name, version: "1.0.0", dist, ...of } };
    response.end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions }));
  });
}
