/** What a Maven project says of itself in its POM, which whoever publishes it controls. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";

export interface Pom {
  /** SPDX expression where the licences can be told, else their names as they are stated; undefined: none is stated here. */
  readonly license: string | undefined;
  /** Address of the source code. */
  readonly source: string | undefined;
  /** `GROUP:ARTIFACT:VERSION` of the one that it inherits the rest from. */
  readonly parent: string | undefined;
}

/** Those of real projects have some 50 KB. */
const maxBytes = 1024 * 1024;

/** Of one value: it becomes an annotation. */
const maxTextLength = 300;

const coordinate = /^[A-Za-z0-9._-]+$/;

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
  const source = textOf(project, "scm", "url");
  const parent = ["groupId", "artifactId", "version"].map((name) => textOf(project, "parent", name) ?? "");
  return {
    // Maven: who uses it may choose one of several.
    license: stated.length === 0 ? undefined : stated.join(" OR "),
    source: source !== undefined && /^https?:\/\/\S+$/.test(source) ? source : undefined,
    parent: parent.every((part) => coordinate.test(part)) ? parent.join(":") : undefined,
  };
}

/** The address tells more surely than the name, which is free text. */
function licenseOf(license: XmlElement): string | undefined {
  const url = textOf(license, "url") ?? "";
  const [, id] =
    /^https?:\/\/(?:www\.)?(?:opensource\.org\/licenses?|spdx\.org\/licenses)\/([A-Za-z0-9.-]+?)(?:\.html|\.php)?\/?$/.exec(
      url,
    ) ?? [];
  if (id !== undefined) return id;
  if (/^https?:\/\/(?:www\.)?apache\.org\/licenses\/LICENSE-2\.0(?:\.txt|\.html)?$/.test(url)) return "Apache-2.0";
  return textOf(license, "name");
}

function children(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((node) => node instanceof XmlElement).filter((node) => node.name === name);
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return children(element, name)[0];
}

/** What an element says, with its white space made one space; undefined for nothing, and for what Maven would fill in. */
function textOf(element: XmlElement, ...path: readonly string[]): string | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path) found = found === undefined ? undefined : child(found, name);
  const text = found?.text.replace(/\s+/g, " ").trim();
  if (text === undefined || text === "" || text.length > maxTextLength || text.includes("${")) return undefined;
  return text;
}
