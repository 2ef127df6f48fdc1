/** A host name for this machine that is not loopback's, without touching the machine: loopback is something of its own to clients. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folders.ts";

/** What `dns.lookup` gives for the names, put in before the program starts. */
const preload = `
const dns = require("node:dns");
const names = new Set(NAMES);
const answer = { address: "127.0.0.1", family: 4 };
const { lookup } = dns;
dns.lookup = (name, options, done) => {
  if (!names.has(name)) return lookup(name, options, done);
  const callback = typeof options === "function" ? options : done;
  if (options?.all) process.nextTick(callback, null, [answer]);
  else process.nextTick(callback, null, answer.address, answer.family);
};
const promised = dns.promises.lookup;
dns.promises.lookup = async (name, options) => {
  if (!names.has(name)) return await promised(name, options);
  return options?.all ? [answer] : answer;
};
require("node:module").syncBuiltinESMExports();
`;

/** @returns Variables with which a program on Node takes the names for 127.0.0.1. */
export function aliasesOfLoopback(...names: readonly string[]): Record<string, string> {
  const path = join(temporaryFolder(), "aliases.cjs");
  writeFileSync(path, preload.replace("NAMES", JSON.stringify(names)));
  return { NODE_OPTIONS: `--require=${path}` };
}
