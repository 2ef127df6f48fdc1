/** What servers say in the body of a refusal, in the shapes in which they say it. */
import { describe, expect, test } from "vitest";
import { reasonIn } from "../../src/registry/reason.ts";
import { registryClient } from "../support/registry/client.ts";
import { startServer } from "../support/registry/server.ts";

const login = { kind: "basic", username: "user", password: "secret-word" } as const;

describe("a reason is one line", () => {
  test.each([
    ["the distribution spec", '{"errors":[{"code":"DENIED","message":"no access"}]}', "DENIED: no access"],
    ["several errors: the first", '{"errors":[{"message":"one"},{"message":"two"}]}', "one"],
    ["a code alone", '{"errors":[{"code":"DENIED"}]}', "DENIED"],
    ["Docker Hub", '{"details":"incorrect username or password"}', "incorrect username or password"],
    ["OAuth 2", '{"error":"invalid_grant","error_description":"expired"}', "invalid_grant: expired"],
    ["Google", '{"error":{"code":401,"message":"No key","status":"UNAUTHENTICATED"}}', "UNAUTHENTICATED: No key"],
    ["AWS", '{"__type":"AccessDenied","Message":"no such role"}', "AccessDenied: no such role"],
    ["RFC 9457", '{"type":"about:blank","title":"Forbidden","detail":"over quota","status":403}', "over quota"],
    ["null in place of a list", '{"errors":null,"message":"gone"}', "gone"],
    ["a string", '"Unauthorized"', "Unauthorized"],
    ["text", "Bad credentials\nsecond line", "Bad credentials"],
    ["text with line breaks of Windows", "Bad credentials\r\nmore", "Bad credentials"],
    ["a web page", "<!DOCTYPE html><html><title>\n Sign in &amp; go </title><p>x", "Sign in & go"],
    ["a web page without a title", "<html><body><h1>403 Forbidden</h1>", "403 Forbidden"],
    [
      "a storage service",
      "<?xml version='1.0'?><Error><Code>NoKey</Code><Message>gone</Message></Error>",
      "NoKey: gone",
    ],
  ])("%s", (_, body, said) => {
    expect(reasonIn(Buffer.from(body), (text) => text)).toBe(said);
  });

  test.each([
    ["nothing", ""],
    ["an empty object", "{}"],
    ["an object without words", '{"errors":[{"code":4}]}'],
    ["JSON that was cut off", '{"errors":[{"message":"x'],
    ["bytes that are no text", "\u007fELF\u0000\u0001"],
    ["a web page without words", "<html><title></title>"],
    ["nested deeper than anybody writes", `${'{"a":'.repeat(50)}{"message":"x"}${"}".repeat(50)}`],
  ])("none in %s", (_, body) => {
    expect(reasonIn(Buffer.from(body), (text) => text)).toBeUndefined();
  });
});

test.each([401, 403, 400, 429, 500])("a token service's reason is shown, without the login: %i", async (status) => {
  const service = await startServer((_request, response) => {
    response.writeHead(status).end('{"errors":[{"message":"secret-word is of yesterday"}]}');
  });
  const server = await startServer((_request, response) => {
    response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/token"` }).end();
  });
  const { registry, signal } = registryClient(server.host, { credentials: login });
  await expect(registry.fetchManifest("1", signal)).rejects.toMatchObject({
    cause: { message: "the token service said [removed] is of yesterday" },
  });
});

describe("a login that a server echoes is not shown, nor a part of it", () => {
  const keyFile = '{\n  "type": "service_account",\n  "private_key": "TOPSECRET"\n}';
  const passwords = [keyFile, "correct  horse<x9>battery", 'Tr0ub4dor&3"q\\z', "p+/w==", "a b&c"];
  const html = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  const bodies: readonly (readonly [string, (password: string) => string])[] = [
    ["JSON", (password) => JSON.stringify({ message: `bad password ${password}` })],
    ["JSON of Go", (password) => JSON.stringify({ message: password }).replaceAll("<", "\\u003c")],
    ["text", (password) => `bad password ${password}`],
    ["a title", (password) => `<html><title>bad ${password}</title>`],
    ["an escaped title", (password) => `<html><title>bad ${html(password)}</title>`],
    ["a long message", (password) => `<Error><Message>${" ".repeat(1985)}${password}</Message></Error>`],
    ["a literal of JavaScript", (password) => `refused: ${JSON.stringify(password)}`],
    ["a form", (password) => `refused: ${new URLSearchParams({ password })}`],
    ["Basic without padding", (password) => `got ${btoa(`user:${password}`).replace(/=+$/, "")}`],
    ["Basic in base64url", (password) => `got ${Buffer.from(`user:${password}`).toString("base64url")}`],
  ];
  test.each(bodies)("in %s", async (_, bodyOf) => {
    for (const password of passwords) {
      const server = await startServer((request, response) => {
        const challenge = { "www-authenticate": 'Basic realm="x"' };
        response.writeHead(401, request.headers.authorization === undefined ? challenge : {}).end(bodyOf(password));
      });
      const { registry, signal } = registryClient(server.host, {
        credentials: { kind: "basic", username: "user", password },
      });
      const error = await registry.fetchManifest("1", signal).catch((thrown: Error) => thrown);
      const said = String((error as Error).cause ?? "");
      for (const part of ["TOPSECRET", "horse", "battery", "Tr0ub4dor", "q\\z", "p+/w", "a b", "a+b", "dXNlcjp"]) {
        expect(said, password).not.toContain(part);
      }
    }
  });
});
