/** Registries whose answer to an expired token leads nowhere; a request without the token gets a challenge that can be met. */
import { describe, expect, test } from "vitest";
import { restOf } from "../../src/model/source.ts";
import { registryClient } from "../support/registry/client.ts";
import { blob, manifestDigest, serveArtifact } from "../support/registry/content.ts";
import { startServer } from "../support/registry/server.ts";

describe("an expired token that is refused", () => {
  test.each([
    ["without a challenge", (_: string) => undefined],
    ["with a challenge of a service that gives no token", (host: string) => `Bearer realm="http://${host}/none"`],
    ["with a scheme that nobody knows", (_: string) => "Negotiate"],
  ])("%s: is left out, and renewed", async (_, challengeOf) => {
    let given = 0;
    let valid = 0;
    const server = await startServer((request, response, self) => {
      const { authorization } = request.headers;
      if (request.url.startsWith("/none")) response.writeHead(401).end();
      else if (request.url.startsWith("/token")) {
        given += 1;
        valid = given;
        response.end(`{"token": "tok-${given}"}`);
      } else if (authorization === `Bearer tok-${valid}`) serveArtifact(request, response, self);
      else {
        const challenge =
          authorization === undefined ? `Bearer realm="http://${self.host}/token"` : challengeOf(self.host);
        response.writeHead(401, challenge === undefined ? {} : { "www-authenticate": challenge }).end();
      }
    });
    const { registry, signal } = registryClient(server.host);
    expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
    valid = -1;
    const opened = await registry.openBlob(blob, restOf(blob, 0), signal);
    await opened.discard();
    expect(given).toBe(2);
    const toldBy = server.seen.filter(({ url }) => url.includes("/blobs/")).map(({ headers }) => headers.authorization);
    expect(toldBy).toEqual(["Bearer tok-1", undefined, "Bearer tok-2"]);
  });
});
