/** A token service as registries have one: gives signed tokens to a login, and to anybody for what is public. */
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import type { TokenAuth } from "./docker-registry.ts";

export interface TokenServer {
  /** What the registry's configuration says of it. */
  readonly auth: TokenAuth;
  /** How often it was asked, by whom, for what: `user repository:t/x:pull`. */
  readonly seen: readonly string[];
  readonly close: () => void;
}

export interface TokenServerOptions {
  /** Folder for the public keys. */
  readonly dir: string;
  readonly user: string;
  readonly password: string;
  /** Repositories that anybody may pull begin with this. */
  readonly publicPrefix: string;
  readonly lifetimeSeconds?: number;
}

function base64url(json: object): string {
  return Buffer.from(JSON.stringify(json)).toString("base64url");
}

/** @see CNCF distribution, docs/content/spec/auth: token.md, jwt.md and oauth.md */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = publicKey.export({ format: "jwk" });
  const kid = createHash("sha256").update(JSON.stringify(jwk)).digest("hex").slice(0, 16);
  const jwks = join(options.dir, "jwks.json");
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...jwk, kid, alg: "ES256", use: "sig" }] }));
  const issuer = "token service of the tests";
  const service = "registry of the tests";
  const seen: string[] = [];

  const tokenFor = (user: string, access: readonly object[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now - 5, exp: now + (options.lifetimeSeconds ?? 300) };
    const claims = { iss: issuer, sub: user, aud: service, jti: randomUUID(), access, ...times };
    const signed = `${base64url({ typ: "JWT", alg: "ES256", kid })}.${base64url(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  };

  /** Undefined for a wrong login. */
  const userOf = ({ headers }: IncomingMessage): string | undefined => {
    if (headers.authorization === undefined) return "";
    const login = Buffer.from(headers.authorization.replace(/^Basic /, ""), "base64").toString();
    return login === `${options.user}:${options.password}` ? options.user : undefined;
  };

  const server = createServer((request, response) => {
    const user = userOf(request);
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const scopes = searchParams.getAll("scope").flatMap((scope) => scope.split(" "));
    seen.push(`${user || "anybody"} ${scopes.join(" ")}`);
    if (user === undefined) return void response.writeHead(401).end();
    const access = scopes.flatMap((scope) => {
      const [type = "", name = "", actions = ""] = scope.split(":");
      const isPublic = name.startsWith(options.publicPrefix);
      const allowed = actions.split(",").filter((action) => user !== "" || (isPublic && action === "pull"));
      return allowed.length === 0 ? [] : [{ type, name, actions: allowed }];
    });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ token: tokenFor(user, access) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const auth = { realm: `http://localhost:${port}/token`, service, issuer, jwks, signingalgorithms: ["ES256"] };
  return { auth, seen, close: () => void server.close() };
}
