/** A Maven project's POM. Its publisher controls every text in it. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";
import { coordinate } from "./maven-coordinate.ts";

export interface Pom {
  /** The SPDX identifier of each licence where it can be told, else its name as stated; undefined: none is stated here. */
  readonly license: string | undefined;
  /** Address of the source code. */
  readonly sourceUrl: string | undefined;
  /** `GROUP:ARTIFACT:VERSION` of the one that it inherits the rest from. */
  readonly parent: string | undefined;
}

/** Those of real projects have some 50 KB. */
const maxBytes = 1024 * 1024;

/** Characters of one value, which becomes an annotation. */
const maxTextLength = 300;

const coordinatePattern = new RegExp(`^${coordinate}$`);

/**
 * @returns undefined for what is no POM.
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
  // Maven: who uses it may choose one of several.
  const license = [...new Set(stated)].join(" OR ");
  const source = textOf(project, "scm", "url");
  const parent = ["groupId", "artifactId", "version"].map((name) => textOf(project, "parent", name) ?? "");
  return {
    license: license === "" || license.length > maxTextLength ? undefined : license,
    sourceUrl: source !== undefined && /^https?:\/\/\S+$/.test(source) ? source : undefined,
    parent: parent.every((part) => coordinatePattern.test(part)) ? parent.join(":") : undefined,
  };
}

/** Addresses of licences at opensource.org, apache.org and spdx.org, without case and ending → SPDX identifier. */
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

/** The address tells more surely than the name, which is free text; where neither is known, the name stands as it is. */
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

/** Not only of XML's, but of what turns or hides text, too. */
const invisible = /[\p{Cc}\p{Cf}]/u;

/** Text of an element, with white space made one space; undefined for none, and for text that Maven would fill in. */
function textOf(element: XmlElement, ...path: readonly string[]): string | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path) found = found === undefined ? undefined : child(found, name);
  const text = found?.text.replace(/\s+/g, " ").trim();
  if (text === undefined || text === "" || text.length > maxTextLength || text.includes("${")) return undefined;
  if (invisible.test(text)) return undefined;
  return text;
}
