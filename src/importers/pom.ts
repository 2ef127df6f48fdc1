/** Parser of Maven POMs. The publisher controls every text in a POM. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";
import { coordinate } from "./maven-coordinate.ts";

export interface Pom {
  /** SPDX identifiers of the licences, and stated names of unknown licences, with `OR`; undefined: none is stated. */
  readonly license: string | undefined;
  /** Address of the source code. */
  readonly sourceUrl: string | undefined;
  /** True if the artifact runs only beside other jars: one of its dependencies is for the run time. */
  readonly needsJars: boolean;
  /** `GROUP:ARTIFACT:VERSION` of the parent POM. */
  readonly parent: string | undefined;
}

/** Real POMs have about 50 KB. */
const maxBytes = 1024 * 1024;

/** Characters of one value, which becomes an annotation. */
const maxTextLength = 300;

const coordinatePattern = new RegExp(`^${coordinate}$`);

/**
 * @returns undefined for anything but a POM.
 * @see maven.apache.org/pom.html, "Licenses", "SCM", "Inheritance"
 */
export function parsePom(text: string): Pom | undefined {
  if (text.length > maxBytes) return undefined;
  let project: XmlElement | null;
  try {
    project = parseXml(text).root;
  } catch {
    return undefined;
  }
  if (project?.name !== "project") return undefined;
  const licenses = child(project, "licenses");
  const named = (licenses === undefined ? [] : children(licenses, "license")).map(licenseOf);
  const stated = named.filter((one) => one !== undefined);
  // Maven: users may choose one of several licences.
  const license = [...new Set(stated)].join(" OR ");
  const dependencies = child(project, "dependencies");
  const needed = (dependencies === undefined ? [] : children(dependencies, "dependency")).some(
    // Maven, "Dependency Scope": `compile` is the default.
    (one) => ["compile", "runtime"].includes(textOf(one, "scope") ?? "compile") && textOf(one, "optional") !== "true",
  );
  const source = textOf(project, "scm", "url");
  const parent = ["groupId", "artifactId", "version"].map((name) => textOf(project, "parent", name) ?? "");
  return {
    license: license === "" || license.length > maxTextLength ? undefined : license,
    sourceUrl: source !== undefined && /^https?:\/\/\S+$/.test(source) ? source : undefined,
    needsJars: needed,
    parent: parent.every((part) => coordinatePattern.test(part)) ? parent.join(":") : undefined,
  };
}

/** Name of a licence, or last part of its URL at opensource.org, apache.org or spdx.org → SPDX identifier. */
const spdxIds: ReadonlyMap<string, string> = new Map(
  [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MPL-2.0",
    "EPL-1.0",
    "EPL-2.0",
    "LGPL-2.1-only",
    "LGPL-3.0-only",
    "GPL-2.0-only",
    "GPL-3.0-only",
    "CDDL-1.0",
    "Zlib",
    "Unlicense",
    "0BSD",
    "BSL-1.0",
  ].map((id) => [id.toLowerCase().replaceAll(".", "-"), id]),
);
const otherNames: ReadonlyMap<string, string> = new Map([
  ["mit-license", "MIT"],
  ["license-2-0", "Apache-2.0"],
  ["apache2", "Apache-2.0"],
  ["apache-2", "Apache-2.0"],
  ["bsd-license", "BSD-2-Clause"],
]);

/** Prefers the URL to the name, which is free text; returns the name unchanged if neither is known. */
function licenseOf(license: XmlElement): string | undefined {
  const name = textOf(license, "name");
  const url = textOf(license, "url") ?? "";
  const isKnownHost = /^https?:\/\/(?:www\.)?(?:opensource|spdx|apache)\.org\/licenses?\//i.test(url);
  const slug = (text: string): string =>
    text
      .toLowerCase()
      .replace(/\.(?:html|php|txt)$/, "")
      .replace(/[ .]/g, "-");
  const candidates = [...(isKnownHost ? [url.replace(/\/$/, "").split("/").at(-1) ?? ""] : []), name ?? ""].map(slug);
  const ids = candidates.map((one) => spdxIds.get(one) ?? otherNames.get(one));
  return ids.find((id) => id !== undefined) ?? name;
}

function children(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((node) => node instanceof XmlElement).filter((node) => node.name === name);
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return children(element, name)[0];
}

/** Control and format characters, which may hide or reorder text. */
const invisible = /[\p{Cc}\p{Cf}]/u;

/** Text of an element with collapsed white space; undefined for missing or unsafe text, and for Maven's variables. */
function textOf(element: XmlElement, ...path: readonly string[]): string | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path) found = found === undefined ? undefined : child(found, name);
  const text = found?.text.replace(/\s+/g, " ").trim();
  if (text === undefined || text === "" || text.length > maxTextLength || text.includes("${")) return undefined;
  if (invisible.test(text)) return undefined;
  return text;
}
