import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Room → layer. Imports go strictly down; rooms of one layer never import each other. */
const layerOfRoom: Readonly<Record<string, number>> = {
  "main.ts": 5,
  "index.ts": 5,
  "compose.ts": 5,
  cli: 4,
  client: 3,
  registry: 2,
  layout: 2,
  store: 2,
  lock: 2,
  config: 2,
  import: 2,
  http: 1,
  child: 1,
  archive: 1,
  files: 1,
  model: 0,
  "context.ts": 0,
  "errors.ts": -1,
  "version.ts": -1,
  "printable.ts": -2,
};

/** `compose.ts` is below the two that use it, though it stands in their layer; `files/` is below `archive/`, which places what it unpacks. */
const allowedSiblings = new Set([
  "main.ts → compose.ts",
  "index.ts → compose.ts",
  "model → context.ts",
  "archive → files",
]);

const src = resolve(import.meta.dirname, "../src");

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

test("architecture: every file stands in a room of the layer table", () => {
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((path) => layerOfRoom[roomOf(path)] === undefined)).toEqual([]);
});

test("architecture: imports go strictly down", () => {
  let edges = 0;
  const wrong: string[] = [];
  for (const path of files) {
    for (const target of importsOf(path)) {
      if (!target.startsWith(".")) continue;
      edges += 1;
      const from = roomOf(path);
      const to = roomOf(resolve(dirname(path), target));
      if (from === to || allowedSiblings.has(`${from} → ${to}`)) continue;
      if ((layerOfRoom[to] ?? Number.POSITIVE_INFINITY) >= (layerOfRoom[from] ?? 0)) {
        wrong.push(`${relative(src, path)} imports ${target}`);
      }
    }
  }
  expect(edges).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});

test("architecture: only main.ts and index.ts touch the process, but for signals to the children that child/ starts", () => {
  const readers = files.filter((path) => {
    const text = readFileSync(path, "utf8").replace(/`process\.[^`]*`/g, "");
    const others = roomOf(path) === "child" ? text.replace(/\bprocess\.(?:kill\(|(?:once|off)\("exit")/g, "") : text;
    return /\bprocess\./.test(others);
  });
  expect(readers.map((path) => relative(src, path)).sort()).toEqual(["index.ts", "main.ts"]);
});

test("architecture: only child/ starts programs", () => {
  const starters = files.filter((path) => importsOf(path).includes("node:child_process"));
  expect(starters.map((path) => relative(src, path))).toEqual(["child/run.ts"]);
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
