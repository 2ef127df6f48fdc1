/** Lists of tags whose second page cannot be had. */
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { type Handler, startServer } from "../support/registry/server.ts";

/** The first page has two tags and a link; `second` answers all other requests. */
function twoPages(second: (response: ServerResponse) => void): Handler {
  return ({ url }, response) => {
    if (url.includes("page=2")) return second(response);
    response.setHeader("link", '</v2/t/tool/tags/list?page=2>; rel="next"');
    response.end('{"tags": ["1", "2"]}');
  };
}

describe("a second page that leads nowhere is an error; --partial lists the first page", () => {
  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ["404", (response) => void response.writeHead(404).end(), /cause: not found: /],
    ["401", (response) => void response.writeHead(401).end(), /cause: authentication required for /],
    ["a web page", (response) => void response.end("<html>"), /cause: .* does not follow the distribution spec/],
    [
      "broken off",
      (response) => void response.writeHead(200, { "content-length": 9 }).destroy(),
      /cause: cannot talk to/,
    ],
  ])("%s", async (_, second, cause) => {
    const { host } = await startServer(twoPages(second));
    const failed = await oras(["list", `${host}/t/tool`]);
    expect(failed).toMatchObject({ exitCode: 69, stdout: "" });
    expect(failed.stderr).toMatch(/page 2 of the tags of \S+\/t\/tool could not be had/);
    expect(failed.stderr).toMatch(cause);
    expect(failed.stderr).toMatch(/hint: list the 2 tags before with `buck2-oras list/);

    const partial = await oras(["list", `${host}/t/tool`, "--partial"]);
    expect(partial).toMatchObject({ exitCode: 0, stdout: "1\n2\n" });
    expect(partial.stderr).toMatch(/^incomplete: page 2 of the tags/m);

    const json = JSON.parse((await oras(["list", `${host}/t/tool`, "--partial", "--json"])).stdout);
    expect(json).toMatchObject({ tags: ["1", "2"], missing: expect.stringContaining("page 2") });
  });
});

test("a link that leaves out the first part of the repository, as Artifactory's does, leads to the next page", async () => {
  const server = await startServer(({ url }, response) => {
    const { pathname, searchParams } = new URL(url, "http://x");
    if (pathname !== "/v2/docker/t/tool/tags/list") return response.writeHead(404).end();
    if (searchParams.get("last") === "1") return response.end('{"tags": ["2"]}');
    response.setHeader("link", '</v2/t/tool/tags/list?last=1&n=1>; rel="next"');
    return response.end('{"tags": ["1"]}');
  });
  const listed = await oras(["list", `${server.host}/docker/t/tool`]);
  expect(listed).toMatchObject({ exitCode: 0, stdout: "1\n2\n" });
});

test("prune removes nothing from a list that is incomplete", async () => {
  const server = await startServer(twoPages((response) => void response.writeHead(404).end()));
  const ran = await oras(["prune", `${server.host}/t/tool`, "--older-than", "1", "--delete"]);
  expect(ran.exitCode).toBe(69);
  expect(server.seen.filter(({ method }) => method !== "GET")).toEqual([]);
});
