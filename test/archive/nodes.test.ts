/** The tree that paths have. */
import { expect, test } from "vitest";
import { nodesOf } from "../../src/archive/nodes.ts";

test("nodes: each once, folders first, whatever the order of the paths", () => {
  expect(Array.from(nodesOf(["a/b/c", "a/b", "d", "a/b/e"]), ({ folder, name }) => [folder, name])).toEqual([
    ["", "a"],
    ["a", "b"],
    ["a/b", "c"],
    ["", "d"],
    ["a/b", "e"],
  ]);
});

test("nodes: many files below the same hundred folders cost a step each", () => {
  const folder = Array.from({ length: 99 }, () => "folder").join("/");
  const paths = Array.from({ length: 200_000 }, (_, index) => `${folder}/${index}`);
  let steps = 0;
  for (const _ of nodesOf(paths)) steps += 1;
  expect(steps).toBe(200_099);
});
