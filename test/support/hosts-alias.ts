/** A host name for this machine that is not loopback's, without touching the machine: loopback is something of its own to clients. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folders.ts";

/** What `dns.lookup` gives for the names, put in before the program starts. */
const preload = `
const dns = require("node:dns");
const addresses = new Map(Object.entries(ADDRESSES));
const answerOf = (name) => ({ address: addresses.get(name), family: addresses.get(name).includes(":") ? 6 : 4 });
const { lookup } = dns;
dns.lookup = (name, options, done) => {
  if (!addresses.has(name)) return lookup(name, options, done);
  const callback = typeof options === "function" ? options : done;
  const answer = answerOf(name);
  if (options?.all) process.nextTick(callback, null, [answer]);
  else process.nextTick(callback, null, answer.address, answer.family);
};
const promised = dns.promises.lookup;
dns.promises.lookup = async (name, options) => {
  if (!addresses.has(name)) return await promised(name, options);
  return options?.all ? [answerOf(name)] : answerOf(name);
};
require("node:module").syncBuiltinESMExports();
`;

/**
 * @param addresses By name.
 * @returns Variables with which a program on Node finds the names there.
 */
export function aliases(addresses: Readonly<Record<string, string>>): Record<string, string> {
  const path = join(temporaryFolder(), "aliases.cjs");
  writeFileSync(path, preload.replace("ADDRESSES", JSON.stringify(addresses)));
  return { NODE_OPTIONS: `--require=${path}` };
}

/** @returns Variables with which a program on Node takes the names for 127.0.0.1. */
export function aliasesOfLoopback(...names: readonly string[]): Record<string, string> {
  return aliases(Object.fromEntries(names.map((name) => [name, "127.0.0.1"])));
}
