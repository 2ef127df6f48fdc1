/** Mounts that a registry or its token service refuses: the blob is uploaded, with the right to the destination alone. */
import { describe, expect, test } from "vitest";
import { registryClient } from "../support/registry/client.ts";
import { blob, blobText } from "../support/registry/content.ts";
import { startServer } from "../support/registry/server.ts";

const login = { kind: "basic", username: "user", password: "secret" } as const;
const own = "repository:t/tool:pull,push";

/** A token that holds its scopes, in hex. */
const tokenOf = (scopes: readonly string[]): string => Buffer.from(scopes.join(" ")).toString("hex");

/**
 * A registry that wants a token for the repository, and for the source of a mount.
 *
 * @param grant The scopes of the token, or the service's refusal.
 * @param refusal Status for a mount with a token that lacks the source.
 */
async function guarded(grant: (scopes: readonly string[]) => readonly string[] | number, refusal: number) {
  const service = await startServer(({ url }, response) => {
    const granted = grant(new URL(url, "http://x").searchParams.getAll("scope"));
    if (typeof granted === "number") response.writeHead(granted).end();
    else response.end(JSON.stringify({ token: tokenOf(granted) }));
  });
  const challenge = `Bearer realm="http://${service.host}/token",service="s"`;
  const server = await startServer(({ method, url, headers }, response) => {
    const token = headers.authorization?.replace("Bearer ", "") ?? "";
    const scopes = Buffer.from(token, "hex").toString().split(" ");
    const from = new URL(url, "http://x").searchParams.get("from");
    if (!scopes.includes(own)) response.writeHead(401, { "www-authenticate": challenge }).end();
    else if (from !== null && !scopes.includes(`repository:${from}:pull`)) {
      response.writeHead(refusal, { "www-authenticate": challenge, location: "/left" }).end();
    } else if (from !== null) response.writeHead(201).end();
    else if (method === "HEAD") response.writeHead(404).end();
    else if (method === "DELETE") response.writeHead(204).end();
    else if (method === "POST") response.writeHead(202, { location: "/upload" }).end();
    else response.writeHead(201).end();
  });
  const { registry, signal } = registryClient(server.host, { credentials: login });
  /** As a copy does. */
  const send = async (from: string): Promise<boolean> => {
    const source = registryClient(server.host, { repository: from }).registry;
    await registry.hasBlob(blob, signal);
    if (await registry.mountBlob(blob, source, signal)) return true;
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(blobText);
    };
    await registry.pushBlob(blob, open, signal);
    return false;
  };
  const mounts = () => server.seen.filter(({ url }) => url.includes("mount="));
  return { send, mounts, service };
}

const ownAlone = (scopes: readonly string[]): readonly string[] => scopes.filter((scope) => scope === own);

describe("a mount that is refused costs no upload", () => {
  test.each([400, 401, 403])("by the token service with %i, also for blobs at once", async (status) => {
    const { send, mounts, service } = await guarded((scopes) => (scopes.length > 1 ? status : scopes), 401);
    expect(await Promise.all([send("a/src"), send("a/src"), send("a/src")])).toEqual([false, false, false]);
    const { length } = mounts();
    expect(await send("a/src")).toBe(false);
    expect(mounts()).toHaveLength(length);
    expect(service.seen.length).toBeLessThanOrEqual(4);
  });

  test.each([401, 403, 202])("by the registry with %i, for a token without the source", async (status) => {
    const { send } = await guarded(ownAlone, status);
    expect(await Promise.all([send("z/src"), send("z/src")])).toEqual([false, false]);
    expect(await send("z/src")).toBe(false);
  });

  test.each(["a/src", "z/src"])("where a token is for the last scope alone: from %s", async (from) => {
    const { send } = await guarded((scopes) => scopes.slice(-1), 401);
    expect(await send(from)).toBe(false);
  });

  test("and one that is allowed needs no upload", async () => {
    const { send } = await guarded((scopes) => scopes, 401);
    expect(await Promise.all([send("a/src"), send("z/src")])).toEqual([true, true]);
  });
});
