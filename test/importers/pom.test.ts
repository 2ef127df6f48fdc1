/** POMs: what real ones say, and what nobody should write into one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePom } from "../../src/importers/pom.ts";
import { holds } from "../support/property.ts";

function pom(inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<project xmlns="http://maven.apache.org/POM/4.0.0">${inner}</project>`;
}

function license(name: string, url: string): string {
  return `<license><name>${name}</name><url>${url}</url><distribution>repo</distribution></license>`;
}

test.each([
  ["BSD-3-Clause", "https://opensource.org/licenses/BSD-3-Clause", "BSD-3-Clause"],
  ["Apache 2.0", "https://opensource.org/licenses/Apache-2.0", "Apache-2.0"],
  ["The Apache Software License, Version 2.0", "http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"],
  ["MIT License", "http://www.opensource.org/licenses/mit-license.php", "MIT"],
  ["The MIT License", "https://opensource.org/license/mit/", "MIT"],
  ["Apache License 2.0", "https://opensource.org/license/apache-2-0", "Apache-2.0"],
  ["mpl-2.0", "https://example.com", "MPL-2.0"],
  ["Names", "http://opensource.org/licenses/alphabetical", "Names"],
  ["MPL", "https://spdx.org/licenses/MPL-2.0.html", "MPL-2.0"],
  ["Our own\n  terms", "https://example.com/terms", "Our own terms"],
  ["<!-- -->ISC", "", "ISC"],
  ["constructor", "https://spdx.org/licenses/constructor", "constructor"],
])("the licence %j at %j is %s", (name, url, expected) => {
  expect(parsePom(pom(`<licenses>${license(name, url)}</licenses>`))?.license).toBe(expected);
});

test("of several licences one may be chosen; the source is what `scm` has; the parent is who says the rest", () => {
  const licenses = license("a", "https://spdx.org/licenses/MIT") + license("b", "https://spdx.org/licenses/Apache-2.0");
  const parent = "<parent><groupId>g.x</groupId><artifactId>a</artifactId><version>1</version></parent>";
  const scm = "<scm><connection>scm:git:x</connection><url>\n  https://example.com/a.git </url></scm>";
  expect(parsePom(pom(`${parent}<licenses>${licenses}</licenses>${scm}<url>https://example.com</url>`))).toEqual({
    license: "MIT OR Apache-2.0",
    sourceUrl: "https://example.com/a.git",
    needsJars: false,
    parent: "g.x:a:1",
  });
});

test("what is filled in elsewhere, is no address, or is no coordinate, is left out", () => {
  const parent = "<parent><groupId>g</groupId><artifactId>-D x</artifactId><version>1</version></parent>";
  const scm = "<scm><url>javascript:alert(1)</url></scm>";
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as Maven has it
  const licenses = `<licenses>${license("${project.license}", "")}</licenses>`;
  const nothing = { license: undefined, sourceUrl: undefined, needsJars: false, parent: undefined };
  expect(parsePom(pom(parent + scm + licenses))).toEqual(nothing);
  expect(parsePom(pom(`<licenses>${license("x".repeat(301), "")}</licenses>`))).toEqual(nothing);
  expect(parsePom(pom(`<licenses>${license("a".repeat(200), "")}${license("b".repeat(200), "")}</licenses>`))).toEqual(
    nothing,
  );
  expect(parsePom(pom(`<licenses>${license("M\u202eIT", "")}</licenses>`))).toEqual(nothing);
  expect(parsePom(pom(`<licenses>${license("MIT", "").repeat(3)}</licenses>`))?.license).toBe("MIT");
  expect(parsePom(pom("<build><licenses><license><name>MIT</name></license></licenses></build>"))).toEqual(nothing);
});

test.each([
  "",
  "<html><body>log in</body></html>",
  "<project>",
  '<!DOCTYPE p [<!ENTITY a "&b;&b;"><!ENTITY b "&a;">]><project><name>&a;</name></project>',
  `<project>${" ".repeat(1024 * 1024)}</project>`,
])("what is no POM says nothing (%#)", (text) => {
  expect(parsePom(text)).toBeUndefined();
});

test("any text: a POM, or nothing", () => {
  const piece = fc.constantFrom(
    "<licenses>",
    "</licenses>",
    license("MIT", "https://spdx.org/licenses/MIT"),
    "<scm><url>https://x.example</url></scm>",
    "<parent><groupId>g</groupId><artifactId>a</artifactId><version>1</version></parent>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&#0;",
    "&amp;",
    "<a b='c'/>",
    "\u0000",
  );
  const texts = fc
    .array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 6 })
    .map((parts) => pom(parts.join("")));
  holds("POMs", texts, (text) => {
    const parsed = parsePom(text);
    if (parsed === undefined) return false;
    const { license: stated, sourceUrl, parent } = parsed;
    for (const value of [stated, sourceUrl, parent]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      if (value !== undefined) expect(value).not.toMatch(/[\u0000-\u001f\u007f]/);
    }
    if (sourceUrl !== undefined) expect(sourceUrl).toMatch(/^https?:/);
    if (parent !== undefined) expect(parent).toMatch(/^[A-Za-z0-9._-]+:[A-Za-z0-9._-]+:[A-Za-z0-9._-]+$/);
    return true;
  });
});

test.each(["..", ".", "a..b", "-x", "a/b", ""])(
  "a parent with %j in its coordinates is none: they become a path",
  (part) => {
    const inner = `<parent><groupId>g</groupId><artifactId>${part}</artifactId><version>1</version></parent>`;
    expect(parsePom(pom(inner))?.parent).toBeUndefined();
  },
);

test.each<[string, boolean]>([
  ["", true],
  ["<scope>runtime</scope>", true],
  ["<scope>test</scope>", false],
  ["<scope>provided</scope>", false],
  ["<optional>true</optional>", false],
])("a dependency with %j is another jar for the run time: %s", (inner, expected) => {
  const dependency = `<dependency><groupId>g</groupId><artifactId>a</artifactId>${inner}</dependency>`;
  expect(parsePom(pom(`<dependencies>${dependency}</dependencies>`))?.needsJars).toBe(expected);
});
