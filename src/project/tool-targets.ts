/** Targets of the package `tools`: the executable's alias, and the locked tools. */
import { lockFileName } from "../lockfile/name.ts";
import type { Lock, LockedTool } from "../lockfile/schema.ts";
import { type Addition, declaredNames, withoutComments } from "./build-file.ts";

export interface ToolsRequest {
  /** Name of the cell of buck2-oras. */
  readonly cell: string;
  /** The build file's text. */
  readonly text: string;
  readonly lock: Lock | undefined;
  /** Name of the root cell as the package sees it; empty in the root cell itself. */
  readonly rootCell: string;
  /** Tool that Buck2 itself fetches, since the toolchain needs it. */
  readonly native: string | undefined;
}

export interface ToolsAddition extends Addition {
  readonly byHand: readonly { readonly why: string; readonly lines: readonly string[] }[];
}

/** Tools of a layout folder need a target for the folder, whose package only the user knows. */
function isOfLayout({ platforms }: LockedTool): boolean {
  return Object.values(platforms).some(({ repository }) => repository.startsWith("oci:"));
}

/** @param attributes Lines before `lock`, in the order of the alphabet. */
function toolTarget(name: string, lock: string, attributes: string): string {
  return `oras_tool(\n    name = "${name}",\n${attributes}    lock = ${lock},\n    visibility = ["PUBLIC"],\n)`;
}

/** True if a load statement of the text names `oras_tool`. */
function loadsRule(code: string): boolean {
  // Each piece ends at a parenthesis, so that no text is looked at twice.
  return code
    .split(")")
    .slice(0, -1)
    .some((piece) => {
      const start = piece.search(/^load\(/m);
      return start !== -1 && piece.includes('"oras_tool"', start);
    });
}

/** Names of the targets that a rule declares, where the name is the first attribute. */
function namesOfCalls(code: string, rule: string): ReadonlySet<string> {
  const calls = code.split(`${rule}(`).slice(1);
  return new Set(calls.flatMap((call) => /^\s{0,99}name\s{0,9}=\s{0,9}["']([^"'\n]{1,200})["']/.exec(call)?.[1] ?? []));
}

export function toolAddition({ cell, text, lock, rootCell, native }: ToolsRequest): ToolsAddition {
  const alias = `alias(\n    name = "oras",\n    actual = "${cell}//tools:oras",\n    visibility = ["PUBLIC"],\n)`;
  const declared = declaredNames(text);
  const aliases = declared.has("oras") ? [] : [alias];
  const isAliasTaken = declared.has("oras") && !text.includes(`${cell}//tools:oras`);
  const ownTools = namesOfCalls(withoutComments(text), "oras_tool");
  const taken = Object.keys(lock?.tools ?? {}).filter((name) => declared.has(name) && !ownTools.has(name));
  const missing = Object.entries(lock?.tools ?? {}).filter(([name]) => !declared.has(name) && name !== "oras");
  const label = rootCell === "" ? `//:${lockFileName}` : `@${rootCell}//:${lockFileName}`;
  const code = withoutComments(text);
  const loaded = code.split("\n").find((line) => line.startsWith("load(") && line.includes(`:${lockFileName}"`));
  const known = /\b(\w+)\s*=\s*["']value["']/.exec(loaded ?? "")?.[1];
  const variable = known ?? (/\block\b/.test(code) ? "oras_lock" : "lock");
  const attributesOf = (name: string) => (name === native ? '    fetch = "native",\n' : "");
  const targets = missing.flatMap(([name, tool]) =>
    isOfLayout(tool) ? [] : [toolTarget(name, variable, attributesOf(name))],
  );
  const layouts = missing.filter(([, tool]) => isOfLayout(tool));
  const hasTools = missing.length > 0;
  const isRuleLoaded = loadsRule(code);
  const loads = [
    ...(hasTools && !isRuleLoaded ? [`load("@${cell}//rules:defs.bzl", "oras_tool")`] : []),
    ...(hasTools && known === undefined ? [`load("${label}", ${variable} = "value")`] : []),
  ];
  const another = (name: string) => `another target is named ${name}: choose another name for this one`;
  const byHandOfTaken = [
    ...(isAliasTaken ? [{ why: another("oras"), lines: alias.split("\n") }] : []),
    ...taken
      .filter((name) => name !== "oras")
      .map((name) => ({ why: another(name), lines: toolTarget(name, variable, attributesOf(name)).split("\n") })),
  ];
  const byHandOfLayouts = layouts.map(([name]) => ({
    why: `${name} comes from a layout folder: declare the folder by oras_layout in its package, and name that target`,
    lines: toolTarget(name, variable, '    layout = "<target of the folder>",\n').split("\n"),
  }));
  return { loads, targets: [...aliases, ...targets], byHand: [...byHandOfTaken, ...byHandOfLayouts] };
}
