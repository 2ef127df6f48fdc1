/** Links between the pages lead somewhere: to a file that is there, and to a heading that it has. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
  "examples/consumer/README.md",
];

/** A page without its blocks of code, whose brackets are no links. */
function prose(path: string): string {
  return readFileSync(path, "utf8").replace(/^```[\s\S]*?^```/gm, "");
}

/** The name of a heading in an address, as forges make it. */
function slug(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
}

function headingsOf(path: string): string[] {
  return [...prose(path).matchAll(/^#+ +(.*?) *$/gm)].map(([, heading = ""]) => slug(heading));
}

function isBroken(page: string, link: string): boolean {
  const [file = "", anchor] = link.split("#");
  const path = file === "" ? join(root, page) : resolve(root, dirname(page), decodeURIComponent(file));
  if (!existsSync(path)) return true;
  return anchor !== undefined && path.endsWith(".md") && !headingsOf(path).includes(anchor);
}

test("links: each leads to a file and a heading that are there", () => {
  const links = pages.flatMap((page) => {
    const text = prose(join(root, page)).replace(/`[^`\n]*`/g, "");
    const written = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)];
    return written.map(([, target, source]) => ({ page, link: target ?? source ?? "" }));
  });
  const ours = links.filter(({ link }) => !/^[a-z]+:/.test(link));
  expect(ours.length).toBeGreaterThan(60);
  expect(ours.filter(({ page, link }) => isBroken(page, link))).toEqual([]);
});

test("links: a label of the README has its address, and each address its label", () => {
  const text = prose(join(root, "README.md"));
  const defined = [...text.matchAll(/^\[([^\]]+)\]: \S+$/gm)].map(([, label]) => label);
  const used = [...text.matchAll(/\]\[([^\]]+)\]/g)].map(([, label]) => label);
  expect([...new Set(used)].sort()).toEqual(defined.sort());
});
