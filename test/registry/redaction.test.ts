/** Registries that echo what they were shown: nothing of it reaches a message. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { redacted } from "../../src/registry/redact.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startServer } from "../support/registry/server.ts";

const jwt = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"user"}').toString("base64url")}.c2lnbmF0dXJl`;
const secrets = [/hunter2/, /dXNlcjpodW50ZXIy/, /opaque-token/, /eyJ/, /refresh-me/];

/** A registry that says what it was shown, whatever the way, and gives opaque tokens. */
async function echoing(scheme: "Basic" | "Bearer", token: string): Promise<string> {
  const server = await startServer(({ url, headers }, response, { host }) => {
    const { authorization } = headers;
    if (url.startsWith("/token")) return void response.end(JSON.stringify({ token }));
    if (authorization === undefined) {
      const challenge = scheme === "Basic" ? "Basic" : `Bearer realm="http://${host}/token"`;
      return void response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    const bare = authorization.split(" ")[1] ?? "";
    const decoded = Buffer.from(bare, "base64").toString();
    const message = `bad header ${authorization}, that is ${bare} or ${decoded}`;
    response.writeHead(403).end(JSON.stringify({ errors: [{ code: "DENIED", message }] }));
  });
  return server.host;
}

test.each([
  ["a login", "Basic", "", { auth: Buffer.from("user:hunter2").toString("base64") }],
  ["an opaque token", "Bearer", "opaque-token", {}],
  ["a signed token", "Bearer", jwt, {}],
  ["a token for an identity", "Bearer", "opaque-token", { identitytoken: "refresh-me" }],
] as const)("%s is shown by no command", async (_what, scheme, token, entry) => {
  const host = await echoing(scheme, token);
  const dir = temporaryFolder();
  mkdirSync(join(dir, "docker"));
  writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ auths: { [host]: entry } }));
  for (const command of [
    ["pull", `${host}/t/tool:1`, "--verbose"],
    ["pull", `${host}/t/tool:1`, "--json"],
    ["doctor", `${host}/t/tool:1`],
  ]) {
    const ran = await oras(command, { cwd: dir, env: { DOCKER_CONFIG: join(dir, "docker") } });
    expect(ran.exitCode).toBe(77);
    for (const secret of secrets) expect(ran.stdout + ran.stderr).not.toMatch(secret);
    if (command[0] === "pull") expect(ran.stdout + ran.stderr).toContain("DENIED: bad header");
  }
});

test("a token from the environment that is echoed bare is shown by no command", async () => {
  const host = await echoing("Basic", "");
  const env = { ORAS_TOKEN: "sekrittoken", BUCK2_ORAS_REGISTRY: host };
  const ran = await oras(["pull", `${host}/t/tool:1`, "--verbose"], { env });
  expect(ran.exitCode).toBe(77);
  expect(ran.stderr).toContain("bad header");
  expect(ran.stderr).not.toContain("sekrittoken");
});

test.each([
  ["sent Authorization: Basic dXNlcjpwdw== to us", "sent Authorization: Basic [removed] to us"],
  ["token Bearer abc.def-123 expired", "token Bearer [removed] expired"],
  [`got ${jwt}.`, "got [removed]"],
  ["Bearer token required; basic authentication failed", "Bearer token required; basic authentication failed"],
  ["manifest unknown", "manifest unknown"],
  ["p%40ss and p@ss", "[removed] and [removed]"],
])("%s", (text, shown) => {
  expect(redacted(text, ["p@ss", ""])).toBe(shown);
});

test.each([
  ["eyJ-", ""],
  ["eyJaaaa.", ""],
  ["eyJaaaa-", " x."],
  ["Basic ", ""],
  ["Bearer =:", ""],
  ["a.", "!"],
  ["-", "."],
])("%j over and over: looked through in linear time", (piece, end) => {
  const text = piece.repeat(Math.ceil((512 * 1024) / piece.length)) + end;
  const startedMs = performance.now();
  redacted(text, ["secret"]);
  // Quadratic ones take 2 s for 64 kB, and 64 times as much for this.
  expect(performance.now() - startedMs).toBeLessThan(20_000);
});
