/** Logins and tokens that are asked for, and where a registry sends whoever asks. */
import { errorReply, jsonReply, type RegistryRequest, type Reply, reply } from "../exchange.ts";
import { altering, type Fault } from "./fault.ts";
import { blobReads, everything, type Selector } from "./selectors.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface TokenAuthOptions {
  /** Address of the token service, whatever it is; a path is one on the registry's own host. */
  readonly realm: string;
  /** The tokens that are good; ECR answers 403 for one that was. */
  readonly isGood: (token: string) => boolean;
  readonly staleStatus?: 401 | 403;
}

/** Asks for a Bearer token. */
export function demandToken({ realm, isGood, staleStatus = 401 }: TokenAuthOptions): Fault {
  return (request, next, { host }) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token !== undefined && isGood(token)) return next();
    const address = realm.startsWith("/") ? `http://${host}${realm}` : realm;
    const repository = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(request.url.pathname)?.[1];
    const action = request.method === "GET" || request.method === "HEAD" ? "pull" : "pull,push";
    const scope = repository === undefined ? "" : `,scope="repository:${repository}:${action}"`;
    return {
      ...errorReply(token === undefined ? 401 : staleStatus, "UNAUTHORIZED"),
      headers: { "www-authenticate": `Bearer realm="${address}",service="in-process"${scope}` },
    };
  };
}

export interface TokenServiceOptions {
  /** Where on the registry's own host: `/token`, Google's `/v2/token`, Azure's `/oauth2/token`. */
  readonly path: string;
  /** Who gets a token; left out, anybody. */
  readonly login?: Login;
  /** An identity token that is good for a POST. */
  readonly refreshToken?: string;
  /** Those that it knows; the rest is answered 405. */
  readonly methods?: readonly ("GET" | "POST")[];
  /** As it states it; GHCR states none. */
  readonly lifetimeSeconds?: number;
  /** How many requests each token is good for. */
  readonly uses?: number;
  readonly staleStatus?: 401 | 403;
}

/** A token service on the registry's own host, whose tokens everything else then asks for. */
export function ownTokens(options: TokenServiceOptions): Fault {
  const { path, methods = ["GET", "POST"], uses = Number.POSITIVE_INFINITY, staleStatus = 401 } = options;
  const usesLeft = new Map<string, number>();
  const isGood = (token: string): boolean => {
    const left = usesLeft.get(token) ?? 0;
    usesLeft.set(token, left - 1);
    return left > 0;
  };
  const give = (request: RegistryRequest): Reply => {
    if (!methods.some((method) => method === request.method)) return errorReply(405, "UNSUPPORTED");
    if (!isAdmitted(request, options)) return errorReply(401, "UNAUTHORIZED");
    const token = `tok-${usesLeft.size}`;
    usesLeft.set(token, uses);
    const lifetime = options.lifetimeSeconds === undefined ? {} : { expires_in: options.lifetimeSeconds };
    return jsonReply(200, { token, access_token: token, ...lifetime });
  };
  const demand = demandToken({ realm: path, isGood, staleStatus });
  return (request, next, surroundings) =>
    request.url.pathname === path ? give(request) : demand(request, next, surroundings);
}

/** Azure's name for whoever shows an identity token instead of a login. */
const nobody = "00000000-0000-0000-0000-000000000000";

/** @see CNCF distribution, docs/content/spec/auth: token.md for GET, oauth.md for POST */
function isAdmitted({ method, headers, body }: RegistryRequest, { login, refreshToken }: TokenServiceOptions): boolean {
  if (login === undefined && refreshToken === undefined) return true;
  const known = [login, refreshToken === undefined ? undefined : { user: nobody, password: refreshToken }];
  if (method === "GET") return known.some((one) => one !== undefined && headers.authorization === basic(one));
  const form = new URLSearchParams(body.toString());
  if (form.get("grant_type") === "refresh_token")
    return refreshToken !== undefined && form.get("refresh_token") === refreshToken;
  return login !== undefined && form.get("username") === login.user && form.get("password") === login.password;
}

function basic({ user, password }: Login): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** Asks for a login. */
export function demandBasic(user: string, password: string, selector: Selector = everything): Fault {
  const wanted = basic({ user, password });
  return (request, next) =>
    request.headers.authorization === wanted || !selector(request)
      ? next()
      : { ...errorReply(401, "UNAUTHORIZED"), headers: { "www-authenticate": 'Basic realm="in-process"' } };
}

/** Refuses whatever it is shown, and says in its answer what that was, in every way that it can be read. */
export function echoAuthorization(selector: Selector = everything): Fault {
  return (request, next) => {
    const { authorization } = request.headers;
    if (authorization === undefined || !selector(request)) return next();
    const bare = authorization.split(" ")[1] ?? "";
    const message = `bad header ${authorization}, that is ${bare} or ${Buffer.from(bare, "base64").toString()}`;
    return jsonReply(403, { errors: [{ code: "DENIED", message }] });
  };
}

/** A signed address stands for a login. */
export const unsigned: Selector = ({ url }) => !url.searchParams.has("signature");

/**
 * Blobs are elsewhere, at a signed address. Two that name each other send a request there and back.
 *
 * @param target Origin, or empty for a relative redirect.
 * @param parameter What a request has that was sent on already.
 */
export function redirectBlobs(target: string, status = 307, parameter = "signature"): Fault {
  return (request, next) => {
    const { pathname, searchParams } = request.url;
    if (!blobReads(request) || searchParams.has(parameter)) return next();
    const query = new URLSearchParams([...searchParams, [parameter, "secret"]]);
    const headers = { location: `${target}${pathname}?${query}`, "set-cookie": "session=secret; Path=/" };
    return reply(status, headers);
  };
}

/** Some storage refuses a signed request that carries a login as well. */
export function refuseAuthorization(): Fault {
  return (request, next) => (request.headers.authorization === undefined ? next() : reply(400));
}

/** Uploads go to another host. */
export function uploadElsewhere(origin: string): Fault {
  return altering((_request, before) =>
    before.headers.location?.startsWith("/v2/") && before.status === 202
      ? { ...before, headers: { ...before.headers, location: `${origin}${before.headers.location}` } }
      : before,
  );
}
