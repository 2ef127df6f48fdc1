/**
 * Proxies from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, with the semantics of Go clients: machines are
 * usually set up for those. No library reads CIDR in `NO_PROXY`, hence this implementation.
 */
import { BlockList, isIP } from "node:net";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import type { ProxyRoute } from "../http/transport.ts";

function variable(context: Context, name: string): { name: string; value: string } | undefined {
  for (const spelling of [name, name.toLowerCase()]) {
    const value = context.env[spelling];
    if (value !== undefined && value !== "") return { name: spelling, value };
  }
  return undefined;
}

/** @returns undefined for malformed percent-encoding. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parseProxy(name: string, value: string): ProxyRoute {
  const text = value.includes("://") ? value : `http://${value}`;
  const isKnown = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  // The messages omit the value, which may hold a password.
  if (!isKnown) {
    throw new ConfigurationError("CONFIG_INVALID", `${name} is not the address of an http or https proxy`, {
      hint: "write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT",
    });
  }
  const url = new URL(text);
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (user === undefined || password === undefined) {
    throw new ConfigurationError("CONFIG_INVALID", `the login in ${name} cannot be read: a % is not encoded`, {
      hint: "write %25 for %, %40 for @, %3A for : and %2F for / in user and password",
    });
  }
  const login = `${user}:${password}`;
  const authorization = login === ":" ? undefined : `Basic ${Buffer.from(login, "utf8").toString("base64")}`;
  url.username = "";
  url.password = "";
  return { url, authorization };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127\./.test(host);
}

/** True if an entry of `NO_PROXY` covers the host. */
function covers(entry: string, host: string, port: string): boolean {
  const family = isIP(host);
  const subnet = /^([0-9a-f.:]+)\/([0-9]{1,3})$/i.exec(entry);
  if (subnet !== null) {
    const [, address = "", bits = ""] = subnet;
    const entryFamily = isIP(address);
    if (family === 0 || entryFamily !== family || Number(bits) > (family === 4 ? 32 : 128)) return false;
    const list = new BlockList();
    list.addSubnet(address, Number(bits), family === 6 ? "ipv6" : "ipv4");
    return list.check(host, family === 6 ? "ipv6" : "ipv4");
  }
  const bracketed = /^\[([0-9a-f:.]+)\](?::([0-9]+))?$/i.exec(entry);
  const named = bracketed ?? (isIP(entry) === 6 ? null : /^([^:]+)(?::([0-9]+))?$/.exec(entry));
  const wanted = (named?.[1] ?? entry).replace(/^\*(?=\.)/, "");
  const wantedPort = named?.[2];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  // `.example.com` covers subdomains only; `example.com` covers the host and its subdomains.
  if (wanted.startsWith(".")) return host.endsWith(wanted);
  return host === wanted || (family === 0 && host.endsWith(`.${wanted}`));
}

function isExempt(url: URL, context: Context): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isLoopback(host)) return true;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const entries = (variable(context, "NO_PROXY")?.value ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return entries.some((entry) => entry === "*" || covers(entry.toLowerCase(), host, port));
}

/**
 * The proxy for a URL; undefined without a proxy, and always for loopback.
 *
 * @throws {ConfigurationError} a variable is not a proxy's address
 */
export function proxyFor(url: URL, context: Context): ProxyRoute | undefined {
  const found =
    variable(context, url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") ?? variable(context, "ALL_PROXY");
  if (found === undefined || isExempt(url, context)) return undefined;
  return parseProxy(found.name, found.value);
}
