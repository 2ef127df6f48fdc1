/**
 * Joins esbuild's chunks to one file in which a part is compiled when it is first needed.
 *
 * A JavaScript engine reads the whole text of a file before it runs the first line. The parts that every start needs are
 * functions. The others are strings, which an engine only scans.
 */
import { transform } from "esbuild";

/**
 * Modules of Node that most starts never call, such as that of child processes (5 ms on Node 24); `late` loads each at
 * its first use. An import as a whole (`__toESM`) copies all names, and cannot wait.
 */
const lateRequire =
  /(?<!__toESM\()(?:require|\(0,\w+\.__require\))\(("(?:node:)?(?:child_process|dns|dns\/promises)")\)/g;

const loader = `var loaded = new Map();
function load(name) {
  if (loaded.has(name)) return loaded.get(name).exports;
  var module = { exports: {} };
  loaded.set(name, module);
  var part = parts[name];
  if (typeof part === "string") part = compile(name, part);
  part(module, module.exports, require, load, late, __filename);
  return module.exports;
}
function late(id) {
  return new Proxy({}, { get: function (_, key) { return require(id)[key]; } });
}
function compile(name, text) {
  return require("node:vm").compileFunction(text, ["module", "exports", "require", "load", "late", "__filename"], { filename: __filename + "/" + name });
}`;

/** Paths of the outputs that the output `path` loads at once, itself included. */
export function closure(path, outputs, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const { path: next, kind, external } of outputs[path].imports) {
    if (kind === "import-statement" && external !== true) closure(next, outputs, found);
  }
  return found;
}

/** Path of the output that begins with the source file `entry`. */
export function outputOf(entry, outputs) {
  const [path] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === entry) ?? [];
  if (path === undefined) throw new Error(`no output for ${entry}`);
  return path;
}

/** Names of the outputs, as they stand in stack traces: the source that is imported, or a number. */
function namesOf(outputs) {
  return new Map(
    Object.entries(outputs).map(([path, { entryPoint }], index) => [path, entryPoint ?? `shared-${index}`]),
  );
}

/**
 * @param result esbuild's result with `format: "esm"`, `splitting` and `metafile`
 * @param entry the source file that runs first
 * @param options `lazy`: whether the parts that not every start needs are strings; `text`: esbuild's options for each part
 * @returns CommonJS text
 */
export async function joinParts({ outputFiles, metafile: { inputs, outputs } }, entry, { lazy, text: options }) {
  const names = namesOf(outputs);
  const atOnce = closure(outputOf(entry, outputs), outputs);
  const textOf = async (path) => {
    const file = outputFiles.find((one) => one.path.replaceAll("\\", "/").endsWith(`/${path}`));
    const { code } = await transform(file.text, { ...options, format: "cjs" });
    const { entryPoint, imports } = outputs[path];
    let text = code.trimEnd();
    for (const { path: next, external } of imports) {
      if (external === true) continue;
      const chunk = next.slice(next.lastIndexOf("/") + 1);
      text = text.replaceAll(`require("./${chunk}")`, `load(${JSON.stringify(names.get(next))})`);
    }
    text = text.replaceAll(lateRequire, "late($1)");
    if (inputs[entryPoint]?.format !== "cjs") return text;
    // esbuild exports a CommonJS package as a default alone; as in Node, its names can be imported, too.
    return `${text}\nmodule.exports={...module.exports.default,default:module.exports.default,__esModule:true};`;
  };
  const parts = await Promise.all(
    Object.keys(outputs).map(async (path) => {
      const text = await textOf(path);
      const code = `function (module, exports, require, load, late, __filename) {\n${text}\n}`;
      // In parentheses: V8 then compiles it at once, and does not read it twice.
      const value = atOnce.has(path) ? `(${code})` : lazy ? JSON.stringify(`"use strict";${text}`) : code;
      return `${JSON.stringify(names.get(path))}: ${value}`;
    }),
  );
  return `var parts = {\n${parts.join(",\n")}\n};\n${loader}\nload(${JSON.stringify(entry)});\n`;
}
