/** Addresses that a server may not send us to: the metadata services of clouds answer at link-local ones. */
import { BlockList, isIP } from "node:net";

/** IPv6 in which an IPv4 address stands at the end: mapped, translated, and NAT64 (RFC 4291, 2765, 6052, 8215). */
const embeddings = ["::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"];

const forbidden = new BlockList();
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("0.0.0.0", 8, "ipv4");
forbidden.addSubnet("fe80::", 10, "ipv6");
forbidden.addAddress("::", "ipv6");
forbidden.addAddress("fd00:ec2::254", "ipv6");
for (const before of embeddings) {
  forbidden.addSubnet(`${before}169.254.0.0`, 112, "ipv6");
  forbidden.addSubnet(`${before}0.0.0.0`, 104, "ipv6");
}
// IPv4-compatible; 0.0.0.0/8 of it has the loopback address in it.
forbidden.addSubnet("::169.254.0.0", 112, "ipv6");
// 6to4 (RFC 3056) has the address in front.
forbidden.addSubnet("2002:a9fe::", 32, "ipv6");
forbidden.addSubnet("2002::", 24, "ipv6");

/** @param hostname As `URL` has it: in one spelling, IPv6 in brackets. A name is none; where it leads is not looked up. */
export function isForbiddenAddress(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  return family !== 0 && forbidden.check(host, family === 6 ? "ipv6" : "ipv4");
}
