/** A module of Go's with a program, in a folder that Go reads as a proxy. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rawZip } from "../archive/raw-zip.ts";

export const modulePath = "example.com/tool";

const hello = 'package main\n\nfunc main() { println("hello") }\n';

/**
 * @param files Path → text of the module's code.
 * @param directives Lines added to `go.mod`.
 * @returns `GOPROXY` for `example.com/tool@v1.0.0`.
 */
export function goProxy(
  dir: string,
  files: Readonly<Record<string, string>> = { "main.go": hello },
  directives = "",
): string {
  const versions = join(dir, "proxy", modulePath, "@v");
  mkdirSync(versions, { recursive: true });
  const mod = `module ${modulePath}\n\ngo 1.20\n${directives}`;
  const inZip = `${modulePath}@v1.0.0`;
  writeFileSync(join(versions, "list"), "v1.0.0\n");
  writeFileSync(join(versions, "v1.0.0.info"), '{"Version":"v1.0.0"}');
  writeFileSync(join(versions, "v1.0.0.mod"), mod);
  writeFileSync(
    join(versions, "v1.0.0.zip"),
    rawZip(
      { name: `${inZip}/go.mod`, body: mod },
      ...Object.entries(files).map(([name, body]) => ({ name: `${inZip}/${name}`, body })),
    ),
  );
  return `file://${join(dir, "proxy")}`;
}
