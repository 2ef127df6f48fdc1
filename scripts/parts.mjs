/**
 * Joins esbuild's chunks to one file in which a part is compiled when it is first needed.
 *
 * A JavaScript engine reads the whole text of a file before it runs the first line. So each part is a comment in an empty
 * function, which an engine passes over faster than anything else; `toString` gives it back (ECMA-262,
 * "Function.prototype.toString": the source text as it stands). The parts that every start needs are one comment.
 */
import { transform } from "esbuild";

/**
 * Modules of Node that most starts never call, such as that of child processes (5 ms on Node 24); `late` loads each at
 * its first use. An import as a whole (`__toESM`) copies all names, and cannot wait.
 */
const lateRequire =
  /(?<!__toESM\()(?:require|\(0,\w+\.__require\))\(("(?:node:)?(?:child_process|dns|dns\/promises|net)")\)/g;

/** Stands in a comment for the end of a comment. esbuild writes the character as an escape. */
const commentEnd = "*\u0001/";

/** Functions of esbuild that its output of modules calls, defined once instead of in each part. */
const helpers = `var defineProperty = Object.defineProperty;
function __export(target, all) {
  for (var name in all) defineProperty(target, name, { get: all[name], enumerable: true });
}
function __toCommonJS(exports) {
  return defineProperty(exports, "__esModule", { value: true });
}
function __toESM(required) {
  if (required && required.__esModule) return required;
  var exports = {};
  Object.getOwnPropertyNames(required).forEach(function (name) {
    defineProperty(exports, name, { get: function () { return required[name]; }, enumerable: true });
  });
  return defineProperty(exports, "default", { value: required, enumerable: true });
}`;

/** What a part finds in its scope. */
const scope = ["module", "exports", "require", "load", "late", "__filename", "__export", "__toCommonJS", "__toESM"];

/** The statements in the beginning that define {@link helpers}. */
const ownHelpers =
  /^(?:var __(?:create|defProp|getOwnPropDesc|getOwnPropNames|getProtoOf|hasOwnProp|export|copyProps|toESM|toCommonJS)\b[^\n]*?;)+(?=var stdin_exports=)/;

const loader = `${helpers}
var scope = ${JSON.stringify(scope)};
var loaded = new Map();
function load(name) {
  if (loaded.has(name)) return loaded.get(name).exports;
  var module = { exports: {} };
  loaded.set(name, module);
  (parts[name] || compile(name, scope))(module, module.exports, require, load, late, __filename, __export, __toCommonJS, __toESM);
  return module.exports;
}
function late(id) {
  return new Proxy({}, { get: function (_, key) { return require(id)[key]; } });
}
function compile(name, parameters) {
  var text = texts[name].toString();
  text = text.slice(text.indexOf("/*") + 2, text.lastIndexOf("*/")).split("*\\x01/").join("*/");
  return require("node:vm").compileFunction(text, parameters, { filename: __filename + "/" + name });
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

/** The text of each part, as a function's body. */
async function textsOf({ outputFiles, metafile: { inputs, outputs } }, names, options) {
  const texts = Object.keys(outputs).map(async (path) => {
    const file = outputFiles.find((one) => one.path.replaceAll("\\", "/").endsWith(`/${path}`));
    const { code } = await transform(file.text, { ...options, format: "cjs" });
    const { entryPoint, imports } = outputs[path];
    let text = `"use strict";${code.trimEnd().replace(ownHelpers, "")}`;
    for (const { path: next, external } of imports) {
      if (external === true) continue;
      const chunk = next.slice(next.lastIndexOf("/") + 1);
      text = text.replaceAll(`require("./${chunk}")`, `load(${JSON.stringify(names.get(next))})`);
    }
    text = text.replaceAll(lateRequire, "late($1)");
    // esbuild exports a CommonJS package as a default alone; as in Node, its names can be imported, too.
    if (inputs[entryPoint]?.format === "cjs")
      text += "\nmodule.exports={...module.exports.default,default:module.exports.default,__esModule:true};";
    return [path, text];
  });
  return new Map(await Promise.all(texts));
}

/** @param entries Names with JavaScript. */
function objectOf(entries) {
  return `{\n${entries.map(([name, code]) => `${JSON.stringify(name)}: ${code}`).join(",\n")}\n}`;
}

/** Text in a comment in an empty function. */
function hidden(text) {
  if (text.includes("\u0001")) throw new Error("a part holds the character that stands for the end of a comment");
  return `function () {/*${text.replaceAll("*/", commentEnd)}*/}`;
}

/**
 * @param result esbuild's result with `format: "esm"`, `splitting` and `metafile`
 * @param entry the source file that runs first
 * @param options `lazy`: whether the parts are comments; `text`: esbuild's options for each part
 * @returns CommonJS text. With `lazy` a Node of any age can read it, and runs its beginning.
 */
export async function joinParts(result, entry, { lazy, text: options }) {
  const { outputs } = result.metafile;
  const names = namesOf(outputs);
  const atOnce = closure(outputOf(entry, outputs), outputs);
  const parts = [];
  const further = [];
  for (const [path, text] of await textsOf(result, names, options)) {
    const name = names.get(path);
    const code = `function (${scope.join(", ")}) {${text}\n}`;
    // In parentheses: V8 then compiles it at once, and does not read it twice.
    if (!lazy || atOnce.has(path)) parts.push([name, atOnce.has(path) ? `(${code})` : code]);
    else further.push([name, hidden(text)]);
  }
  const start = lazy ? `compile("start", [])()` : objectOf(parts);
  const texts = lazy ? [["start", hidden(`return ${objectOf(parts)};`)], ...further] : [];
  return `var texts = ${objectOf(texts)};\n${loader}\nvar parts = ${start};\nload(${JSON.stringify(entry)});\n`;
}
