import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

interface Layer {
  readonly layer: number;
  /** What stands in it: folders, or single files of `src/`, each with what it holds. */
  readonly rooms: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dirname, "..");
/** docs/architecture.md shows it. */
const layers: readonly Layer[] = JSON.parse(readFileSync(join(root, "scripts/rooms.json"), "utf8"));
const layerOfRoom = new Map(layers.flatMap(({ layer, rooms }) => Object.keys(rooms).map((room) => [room, layer])));

const src = join(root, "src");

function sourceFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sourceFiles(path);
    return name.endsWith(".ts") ? [path] : [];
  });
}

function roomOf(path: string): string {
  return relative(src, path).split("/")[0] ?? "";
}

const importPattern = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/g;

function importsOf(path: string): string[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? "");
}

const files = sourceFiles(src);

/** The files of `src/` that a file imports, types among them. */
function importedFiles(path: string): string[] {
  return importsOf(path)
    .filter((target) => target.startsWith("."))
    .map((target) => resolve(dirname(path), target));
}

/** Pairs of files, of which the first imports the second. */
const edges = files.flatMap((from) => importedFiles(from).map((to) => ({ from, to })));

function describeEdge({ from, to }: { readonly from: string; readonly to: string }): string {
  return `${relative(src, from)} imports ${relative(src, to)}`;
}

test("architecture: every file stands in a room of the table, and every room has files", () => {
  expect(files.length).toBeGreaterThan(30);
  expect([...new Set(files.map(roomOf))].sort()).toEqual([...layerOfRoom.keys()].sort());
});

test("architecture: imports go strictly down", () => {
  const layerOf = (path: string): number => layerOfRoom.get(roomOf(path)) ?? Number.NaN;
  expect(edges.length).toBeGreaterThan(100);
  const wrong = edges.filter(({ from, to }) => roomOf(from) !== roomOf(to) && !(layerOf(to) < layerOf(from)));
  expect(wrong.map(describeEdge)).toEqual([]);
});

test("architecture: verbs never import verbs", () => {
  const wrong = edges.filter(({ from, to }) => roomOf(from) === "verbs" && roomOf(to) === "verbs");
  expect(wrong.map(describeEdge)).toEqual([]);
});

test("architecture: no file imports itself by way of others", () => {
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (state.get(path) === "open")
      circles.push([...way.slice(way.indexOf(path)), path].map((one) => relative(src, one)).join(" → "));
    if (state.has(path)) return;
    state.set(path, "open");
    for (const next of importedFiles(path)) visit(next, [...way, path]);
    state.set(path, "done");
  };
  for (const path of files) visit(path, []);
  expect(circles).toEqual([]);
});

test("architecture: docs/architecture.md names no file that is not there", () => {
  const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const named = [...text.matchAll(/`((?:src\/)?([a-z-]+)\/[a-z/-]+\.(?:ts|bzl|mjs))`/g)].map((match) => match[1] ?? "");
  expect(named.length).toBeGreaterThan(10);
  const missing = named.filter((path) => !existsSync(join(root, path)) && !existsSync(join(src, path)));
  expect(missing).toEqual([]);
});

test("architecture: only main.ts and index.ts touch the process, but for signals to the children that child/ starts", () => {
  const readers = files.filter((path) => {
    const text = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    const others = roomOf(path) === "child" ? text.replace(/\bprocess\.(?:kill\(|(?:once|off)\("exit")/g, "") : text;
    return /\bprocess\./.test(others);
  });
  expect(readers.map((path) => relative(src, path)).sort()).toEqual(["index.ts", "main.ts"]);
});

test("architecture: only child/ starts programs", () => {
  const starters = files.filter((path) => importsOf(path).includes("node:child_process"));
  expect(starters.map((path) => relative(src, path)).sort()).toEqual(["child/foreground.ts", "child/run.ts"]);
});

test("architecture: a package is imported by one room", () => {
  const rooms = new Map<string, Set<string>>();
  for (const path of files) {
    for (const target of importsOf(path)) {
      if (target.startsWith(".") || target.startsWith("node:")) continue;
      const name = target
        .split("/")
        .slice(0, target.startsWith("@") ? 2 : 1)
        .join("/");
      rooms.set(name, (rooms.get(name) ?? new Set()).add(roomOf(path)));
    }
  }
  // A schema library has no state and no side: every border may declare its shapes with it.
  rooms.delete("valibot");
  const shared = [...rooms]
    .filter(([, users]) => users.size > 1)
    .map(([name, users]) => `${name}: ${[...users].join(", ")}`);
  expect(rooms.size).toBeGreaterThan(3);
  expect(shared).toEqual([]);
});

test("prose: a comment begins with its noun, not with «what», «who» or «of»", () => {
  const opening = /^\s*(?:\/\*\*| \*) (?:What|Who|Of|For what|For whoever)\b.*$/gm;
  const found = files.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(opening)].map(([line]) => `${relative(src, path)}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test("prose: a hint begins with a verb", () => {
  const verbs =
    "add allow ask change check choose close compare compress copy correct create delete do download enable find free give import " +
    "inspect install leave list lock log make name pack pin pipe point push remove rename report resolve restore run see set sign take tell try unpack unset update " +
    "use write";
  const first = files.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\bhint(?: =|:|\?:)\s*(["'`])([A-Za-z]+)\b/g)].map(
      (match) => match[2] ?? "",
    ),
  );
  expect(first.length).toBeGreaterThan(100);
  expect(first.filter((word) => !verbs.split(" ").includes(word))).toEqual([]);
});

test("prose: a heading names its subject", () => {
  const pages = [
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
  ];
  const headings = pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) => [...readFileSync(join(root, page), "utf8").matchAll(/^#+ .*$/gm)].map(([line]) => line));
  expect(headings.length).toBeGreaterThan(50);
  expect(headings.filter((line) => /^#+ (?:What|Who|Of|From where|How)\b/.test(line))).toEqual([]);
});
