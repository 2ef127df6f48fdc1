/** A registry on loopback that speaks TLS, as a forwarded port does. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa } from "../support/private-ca.ts";
import type { Ran } from "../support/run.ts";

interface Desk {
  readonly dir: string;
  readonly authority: string;
  readonly tls: { readonly certificate: string; readonly key: string };
  readonly call: (...args: string[]) => Promise<Ran>;
}

function desk(context: TestContext): Desk {
  const dir = temporaryFolder();
  const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
  writeFileSync(join(dir, "tool"), randomBytes(1000));
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), SSL_CERT_FILE: ca.certificate };
  return {
    dir,
    authority: ca.certificate,
    tls: ca.sign("localhost"),
    call: (...args) => oras(args, { cwd: dir, env }),
  };
}

test("https on loopback: by option, or by the configuration; http is told what to write", async (context) => {
  const { dir, tls, call } = desk(context);
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"), { tls });
  context.onTestFinished(registry.stop);
  const name = `${registry.host}/t/tool:1`;
  const pushed = await call("push", name, "tool", "--plain-http=false");
  expect(pushed.exitCode, pushed.stderr).toBe(0);

  const refused = await call("pull", name);
  expect(refused.exitCode).toBe(69);
  expect(refused.stderr).toMatch(/cause: the registry said Client sent an HTTP request to an HTTPS server/);
  expect(refused.stderr).toMatch(/hint: use https with --plain-http=false, or name the host in `httpsHosts`/);

  // A checkout may demand TLS: nothing of the user's is weakened.
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ httpsHosts: [registry.host] }));
  const pulled = await call("pull", name);
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  const shown = JSON.parse((await call("config", "--json")).stdout);
  expect(JSON.stringify(shown)).toContain(`{"name":"httpsHosts","value":["${registry.host}"]`);
});

test("a server with TLS that closes the connection: the hint names https", async (context) => {
  const { tls, call } = desk(context);
  const server = createServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => void server.close());
  const ran = await call("pull", `localhost:${(server.address() as AddressInfo).port}/t/tool:1`);
  expect(ran.exitCode).toBe(69);
  expect(ran.stderr).toMatch(
    /connection reset\n[\s\S]*hint: try again; if the server speaks TLS, use https with --plain-http=false/,
  );
});

test("--plain-http=false asks no host over http, not even one of the configuration", async (context) => {
  const { dir, call } = desk(context);
  /** First byte of each connection; 22 is a TLS handshake (RFC 8446, section 5.1). */
  const firsts: (number | undefined)[] = [];
  const server = createTcpServer((socket) => {
    socket.once("data", (chunk) => {
      firsts.push(chunk[0]);
      socket.destroy();
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => void server.close());
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ plainHttpHosts: [host] }));
  expect((await call("list", `${host}/t/tool`, "--plain-http=false")).exitCode).toBe(69);
  expect([...new Set(firsts)]).toEqual([22]);
});
