/** Jars that `java -jar` runs without other jars. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { extractArchive } from "../archive/extract.ts";
import { ContentVerificationError } from "../errors.ts";

/** @see JAR File Specification, "Main Attributes" */
export async function isProgramJar(jar: string, dir: string, signal: AbortSignal): Promise<boolean> {
  await extractArchive(jar, dir, { signal, format: "zip", stripPrefix: "META-INF" });
  const manifest = await readFile(join(dir, "MANIFEST.MF"), "utf8").catch(() => "");
  const [main = ""] = manifest.split(/\r?\n\r?\n/, 1);
  return /^Main-Class:/im.test(main) && !/^Class-Path:/im.test(main);
}

export function noProgramJar(coordinates: string): ContentVerificationError {
  const message = `${coordinates} is no program: the jar has no \`Main-Class\`, or needs other jars`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
    hint: "add the classifier of a jar that holds its dependencies, such as maven:GROUP:ARTIFACT:VERSION:jar:all-deps",
  });
}
