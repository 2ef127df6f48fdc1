/** Strangers' text in the Markdown of `lock update`: read again by a parser of Markdown, and as plain text. */
import fc from "fast-check";
import { lexer, type Token, type Tokens } from "marked";
import { expect, test } from "vitest";
import { changesAsMarkdown } from "../../src/cli/lock-markdown.ts";
import { markdownCode, markdownRow } from "../../src/cli/markdown.ts";
import type { LockChange } from "../../src/locking/lock-change.ts";
import { parseDigest } from "../../src/model/digest.ts";
import { printable } from "../../src/printable.ts";
import { atLeast, isQuick, seed } from "../support/property.ts";

function decoded(text: string): string {
  return text.replace(/&#([0-9]+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}

/** The text of a cell that holds one code span, in either form; anything else than code fails. */
function codeIn(tokens: readonly Token[]): string {
  const [first, ...others] = tokens;
  if (first?.type === "codespan" && others.length === 0) return String(first.text);
  const last = others.pop();
  expect([first?.raw, last?.raw]).toEqual(["<code>", "</code>"]);
  return others
    .map((token) => {
      expect(token.type).toBe("text");
      return decoded(token.raw);
    })
    .join("");
}

function tableIn(markdown: string): Tokens.Table {
  const tables = lexer(markdown).filter((token) => token.type === "table");
  expect(tables).toHaveLength(1);
  return tables[0] as Tokens.Table;
}

/** Effects that a forge or a CI service finds in a commit message, wherever they stand. */
const commands =
  /[[\]@#!<>|\\]|\*\*\*|``|\bGH-[0-9]|[0-9]:\/\/|:\/\/[^ ]*\/(?:[0-9]+|[0-9a-f]{7,})(?:[/ `]|$)|skip-checks: *true$/im;

const pieces = [
  "|",
  "\\",
  "\\|",
  "`",
  "``",
  "<",
  ">",
  "<b>",
  "<!--",
  "-->",
  "<script>alert(1)</script>",
  "&#124;",
  "&amp;",
  "@acme/team",
  "@someone",
  "#1",
  "fixes #1",
  "closes GH-12",
  "acme/tool#3",
  "https://evil.example",
  "https://github.com/acme/tool/issues/1",
  "www.evil.example",
  "me@evil.example",
  "![x](https://evil.example/p.png)",
  "[x](javascript:x)",
  "[skip ci]",
  "[ci skip]",
  "***NO_CI***",
  "**b**",
  "_i_",
  "~~s~~",
  "~label",
  "!5",
  "$(id)",
  "\n",
  "\r\n",
  "\n\n",
  "\n| a | b |",
  "\n/merge\n",
  "\nCo-authored-by: x",
  "\u202e",
  "\u200b",
  "\u0000",
  "\ud800",
  "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
  " ",
  "  ",
  "-",
  "---",
  ":-:",
  "1.0",
  "MIT",
  "é",
  "漢",
  "😀",
  ":tada:",
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((some) => some.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ maxLength: 400 }),
);

test("markdown: any text is one cell of code, which shows it, and has no effect as plain text", () => {
  let spans = 0;
  const property = fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (values) => {
    const codes = values.map(markdownCode);
    spans += codes.filter((one) => one.startsWith("`")).length;
    const row = markdownRow(codes);
    expect(row).not.toMatch(/[\r\n]/);
    for (const one of codes)
      expect(one.replace(/^<code>|<\/code>$/g, "").replace(/&#[0-9]+;/g, "")).not.toMatch(commands);
    const heads = values.map(() => "A");
    const { header, rows } = tableIn([markdownRow(heads), markdownRow(heads.map(() => "---")), row].join("\n"));
    expect(header).toHaveLength(values.length);
    expect(rows).toHaveLength(1);
    const shown = rows[0]?.map(({ tokens }) => codeIn(tokens)) ?? [];
    const expected = values.map((one) => {
      const characters = [...printable(one)];
      return characters.length > 300 ? `${characters.slice(0, 300).join("")}…` : characters.join("");
    });
    expect(shown.map((one) => one.trim())).toEqual(expected.map((one) => one.trim()));
  });
  fc.assert(property, { numRuns: atLeast(25_000), seed });
  expect(spans).toBeGreaterThan(1000);
});

test.each(["1.25.3", "Apache-2.0 OR MIT", "GPL-2.0-only", "https://github.com/acme/tool", "linux-x86_64", "a_b"])(
  "markdown: %s stays readable as it is",
  (plain) => expect(markdownCode(plain)).toBe(`\`${plain}\``),
);

test("markdown: long texts are escaped quickly", () => {
  for (const piece of pieces) isQuick(markdownCode, piece.repeat(100_000));
});

const digest = parseDigest(`sha256:${"5".repeat(64)}`);
const other = parseDigest(`sha256:${"6".repeat(64)}`);
const now = Date.parse("2026-03-20T00:00:00Z");

function changed(tool: string, value: string, change: LockChange["change"] = "updated"): LockChange {
  const signature = { digest, key: undefined, identity: value, issuer: value, time: undefined };
  const sizes = { size: 2_000_000, previousSize: 1_000_000 };
  return {
    tool,
    change,
    left: change === "left" ? { reason: value, digest, published: undefined, oldEnoughAt: undefined } : undefined,
    reference: "h.io/a:1",
    previousReference: "h.io/a:1",
    digest,
    previousDigest: other,
    platforms: ["linux-x86_64"],
    platformChanges: [
      { platform: "linux-x86_64", change: "changed", ...sizes },
      { platform: "darwin-arm64", change: "added", size: 5, previousSize: undefined },
      { platform: "windows-x86_64", change: "removed", size: undefined, previousSize: 6 },
      { platform: "linux-arm64", change: "unchanged", ...sizes },
    ],
    stated: { version: value, source: value, licenses: value, sourceCheck: "checksum" },
    previousStated: { version: "0", source: "https://h.io/a", licenses: "MIT", sourceCheck: "provenance" },
    signatures: [signature],
    previousSignatures: [],
    published: { time: "2026-03-10T00:00:00Z", by: "registry" },
    previousPublished: undefined,
  };
}

test("lock markdown: the columns, in their order, without those that no tool fills", () => {
  const lines = changesAsMarkdown([changed("tool", "2.0"), changed("other", "1", "unchanged")], now);
  expect(lines).toEqual([
    "1 tool changed, 1 did not.",
    "",
    "| Tool | Version | Size | Signed by | Source | Source check | Licences | Published |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    "| `tool` | `0` → `2.0` | `linux-x86_64` 1.0 MB → 2.0 MB<br>`darwin-arm64` new, 5 B<br>`windows-x86_64` gone, 6 B | " +
      "`2.0 (2.0)` | `https://h.io/a` → `2.0` | `provenance` → `checksum` | `MIT` → `2.0` | `2026-03-10 (10 days ago)` |",
  ]);
  const bare = { ...changed("tool", "2.0"), signatures: [], published: undefined };
  const nothing = { version: undefined, source: undefined, licenses: undefined, sourceCheck: undefined };
  expect(changesAsMarkdown([{ ...bare, stated: nothing, previousStated: nothing }], now)[2]).toBe(
    "| Tool | Version | Size |",
  );
  expect(changesAsMarkdown([changed("tool", "1", "unchanged")], now)).toEqual(["No tool changed."]);
});

test("lock markdown: a thousand tools of a hostile publisher fit into a pull request, and the table stays whole", () => {
  for (const value of [...pieces, "|".repeat(5000), "😀".repeat(5000), "x".repeat(5000)]) {
    const changes = Array.from({ length: 1000 }, (_, index) =>
      changed(`tool-${index}`, value, index % 2 ? "left" : "updated"),
    );
    const markdown = changesAsMarkdown(changes, now).join("\n");
    expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(60_000);
    const { header, rows } = tableIn(markdown);
    expect(header).toHaveLength(8);
    expect(rows.length).toBeGreaterThan(value.length > 1000 ? 0 : 30);
    for (const row of rows) expect(row).toHaveLength(8);
    const [, hidden] = /^([0-9]+) further changes/m.exec(markdown) ?? [];
    expect(rows.length + Number(hidden ?? 0)).toBe(500);
    expect(markdown).toMatch(/^- and 490 more$/m);
  }
});
