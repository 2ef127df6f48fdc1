/**
 * Addresses that a server may not redirect to, above all link-local addresses: cloud metadata services answer there.
 */
import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { RegistryUnavailableError } from "../errors.ts";

/** IPv6 prefixes that embed an IPv4 address at the end: mapped, translated, and NAT64 (RFC 4291, 2765, 6052, 8215). */
const embeddings = ["::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"];

/** A list that is made at the first look: most commands look at no address. */
function lazily(fill: (list: BlockList) => void): () => BlockList {
  let list: BlockList | undefined;
  return () => {
    if (list === undefined) {
      list = new BlockList();
      fill(list);
    }
    return list;
  };
}

const linkLocal = lazily((list) => {
  list.addSubnet("169.254.0.0", 16, "ipv4");
  list.addSubnet("fe80::", 10, "ipv6");
  // Cloud metadata services at other addresses: AWS, GCP, Alibaba, Azure, Oracle.
  for (const address of ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"]) list.addAddress(address, "ipv6");
  for (const address of ["100.100.100.200", "168.63.129.16", "192.0.0.192"]) list.addAddress(address, "ipv4");
  for (const before of embeddings) list.addSubnet(`${before}169.254.0.0`, 112, "ipv6");
  // IPv4-compatible.
  list.addSubnet("::169.254.0.0", 112, "ipv6");
  // 6to4 (RFC 3056) embeds the address after the prefix.
  list.addSubnet("2002:a9fe::", 32, "ipv6");
});

/** RFC 1122, section 3.2.1.3: this host. IPv4-compatible addresses are omitted, since `::1` is among them. */
const unspecified = lazily((list) => {
  list.addSubnet("0.0.0.0", 8, "ipv4");
  list.addAddress("::", "ipv6");
  for (const before of embeddings) list.addSubnet(`${before}0.0.0.0`, 104, "ipv6");
  list.addSubnet("2002::", 24, "ipv6");
});

/** RFC 6761, section 6.3; RFC 1122 and 4291 for the addresses. */
const loopback = lazily((list) => {
  list.addSubnet("127.0.0.0", 8, "ipv4");
  list.addAddress("::1", "ipv6");
  for (const before of embeddings) list.addSubnet(`${before}127.0.0.0`, 104, "ipv6");
});

function isIn(list: () => BlockList, hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  return family !== 0 && list().check(host, family === 6 ? "ipv6" : "ipv4");
}

/** @param hostname As in `URL.hostname`: canonical, IPv6 in brackets. Names are not resolved and count as allowed. */
export function isForbiddenAddress(hostname: string): boolean {
  return isLinkLocal(hostname) || isIn(unspecified, hostname);
}

/** @param hostname See {@link isForbiddenAddress}. */
export function isLinkLocal(hostname: string): boolean {
  return isIn(linkLocal, hostname);
}

function isLoopback(hostname: string): boolean {
  return /^(?:.*\.)?localhost\.?$/.test(hostname) || isIn(loopback, hostname);
}

/** True if a server at `from` may not redirect to `hostname`: only loopback may redirect to loopback. */
export function isForbiddenFrom(from: string, hostname: string): boolean {
  return isForbiddenAddress(hostname) || (isLoopback(hostname) && !isLoopback(from));
}

/**
 * `dns.lookup` for a name chosen by a server. Refuses a name that resolves to a forbidden address.
 *
 * @see net.connect, option `lookup`
 */
export const guardedLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, options, (error, found, family) => {
    const addresses = typeof found === "string" ? [found] : (found ?? []).map(({ address }) => address);
    if (error !== null || !addresses.some(isForbiddenAddress)) return done(error, found, family);
    const message = `a server redirects to ${hostname}, which resolves to a forbidden address`;
    const hint =
      "tell the registry's operator: the registry, or an attacker, asks for a request to an internal address";
    done(new RegistryUnavailableError("REDIRECT_REFUSED", message, { hint }), "", 0);
  });
};
