/**
 * Writes the parts of `docs/library.md` that come from the library's types, and from the program of `examples/library`.
 *
 * `node scripts/docs-library.mjs [--check]`: with --check nothing is written, and a page that differs makes it fail.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import { root } from "./bundle.mjs";
import { libraryTypes } from "./library-types.mjs";

const page = join(root, "docs/library.md");
const isCheck = process.argv.includes("--check");

/** Declarations by name, each with its text and the comment before it. */
const declarations = new Map();
/** Names that `index.ts` exports. */
const exported = new Set();

for (const [file, text] of libraryTypes()) {
  const { program, comments, errors } = parseSync(file.replace(/\.d\.cts$/, ".d.ts"), text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const source = { text, comments };
  for (const statement of program.body) {
    if (statement.type !== "ExportNamedDeclaration") continue;
    const { declaration } = statement;
    if (file === "index.d.cts") for (const { exported: name } of statement.specifiers) exported.add(name.name);
    if (declaration === null || declaration.type === "VariableDeclaration") continue;
    const { name } = declaration.id;
    if (file === "index.d.cts") exported.add(name);
    declarations.set(name, { name, node: declaration, doc: commentBefore(statement, source), source });
  }
}

/** The JSDoc comment that ends where the node begins. */
function commentBefore({ start }, { text, comments }) {
  const comment = comments.findLast(
    ({ end, type }) => type === "Block" && end <= start && text.slice(end, start).trim() === "",
  );
  const lines = (comment?.value ?? "").replace(/^\*/, "").split("\n");
  const body = lines.map((line) => line.replace(/^\s*\* ?/, "").trim()).join("\n");
  const [description = "", ...tags] = `\n${body}`.split(/\n@(?=[a-z])/);
  return { description: flow(description), tags: tags.map((tag) => flow(tag)) };
}

/** One line per paragraph. */
function flow(text) {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s*\n\s*/g, " "))
    .join("\n\n");
}

/** The declared text on one line, without what the reader knows: `readonly`, and `undefined` of an option. */
function signature(node, { text }) {
  return text
    .slice(node.start, node.end)
    .replace(/\s+/g, " ")
    .replace(/^readonly /, "")
    .replace(/;$/, "")
    .replace(/^([A-Za-z]+\?: .*) \| undefined$/, "$1");
}

function tagLine(tag) {
  const [, kind, rest] = /^(\S+)\s*([\s\S]*)$/.exec(tag) ?? [];
  if (kind === "param") return `- \`${rest.split(/\s/)[0]}\`: ${rest.slice(rest.indexOf(" ") + 1)}`;
  if (kind === "returns") return `- Result: ${rest}`;
  if (kind === "throws") return `- Throws ${rest.replace(/^\{(\w+)\} ?/, "`$1`: ")}`;
  throw new Error(`unknown tag @${kind}`);
}

function described({ description, tags }) {
  return [description, tags.map(tagLine).join("\n")].filter((part) => part !== "").join("\n\n");
}

/** Methods and properties of a class or interface, one section each. */
function members(name, title) {
  const { node, doc, source } = declarations.get(name);
  const sections = node.body.body.flatMap((member) => {
    if (member.key?.type === "PrivateIdentifier" || member.key?.type === "PrivateName") return [];
    const isConstructor = member.kind === "constructor";
    const call = isConstructor ? `new ${name}` : `${title}.${member.key.name}`;
    const code = signature(member, source).replace(/^constructor/, `new ${name}`);
    return [`### \`${call}\`\n\n\`\`\`ts\n${code}\n\`\`\`\n\n${described(commentBefore(member, source))}`];
  });
  return `## ${name}\n\n${described(doc)}\n\n${sections.join("\n\n")}`;
}

function fields({ name, node, doc, source }) {
  const parents = node.extends?.map((one) => source.text.slice(one.start, one.end)) ?? [];
  const lines = node.body.body.map((member) => {
    const { description } = commentBefore(member, source);
    return `- \`${signature(member, source)}\`${description === "" ? "" : `: ${description}`}`;
  });
  const also = parents.length === 0 ? "" : `All of ${parents.map((one) => `\`${one}\``).join(" and ")}, and:`;
  return [`### ${name}`, doc.description, also, lines.join("\n")].filter((part) => part !== "").join("\n\n");
}

function alias({ name, node, doc, source }) {
  return `### ${name}\n\n${doc.description}\n\n\`\`\`ts\n${source.text.slice(node.start, node.end).replace(/^declare /, "")}\n\`\`\``;
}

function errorRow({ name, doc }) {
  return `| \`${name}\` | ${doc.description} |`;
}

const all = [...exported].filter((name) => declarations.has(name)).map((name) => declarations.get(name));
const isClass = ({ node }) => node.type === "ClassDeclaration";
const errors = all.filter((one) => isClass(one) && one.name.endsWith("Error"));
const interfaces = all.filter(({ name, node }) => node.type === "TSInterfaceDeclaration" && name !== "OrasLock");
const aliases = all.filter(({ node }) => node.type === "TSTypeAliasDeclaration");
const functions = all.filter(({ node }) => node.type === "TSDeclareFunction");

const functionSections = functions.map(
  ({ name, node, doc, source }) =>
    `### \`${name}\`\n\n\`\`\`ts\n${signature(node, source).replace(/^declare /, "")}\n\`\`\`\n\n${described(doc)}`,
);
const api = [
  members("OrasClient", "client"),
  members("OrasLock", "client.lock"),
  `## Functions\n\n${functionSections.join("\n\n")}`,
  `## Errors\n\n\`errorCodes\` has the exit code of each \`code\`, its side, and whether the same call may succeed later.\n\n| class | meaning |\n|---|---|\n${errors.map(errorRow).join("\n")}`,
  `## Arguments and results\n\n${[...interfaces.map(fields), ...aliases.map(alias)].join("\n\n")}`,
].join("\n\n");

const program = `\`\`\`js\n${readFileSync(join(root, "examples/library/tool.mjs"), "utf8")}\`\`\``;

const before = readFileSync(page, "utf8");
let text = before;
for (const [name, content] of Object.entries({ program, api })) {
  const between = new RegExp(`(<!-- ${name}: npm run docs -->\\n)[\\s\\S]*?(<!-- end -->)`);
  if (!between.test(text)) throw new Error(`docs/library.md has no place for ${name}`);
  text = text.replace(between, (_, begin, end) => `${begin}\n${content}\n\n${end}`);
}
if (isCheck && text !== before) {
  console.error("docs/library.md is not what the library's types say; run `npm run docs` and commit docs/");
  process.exit(1);
}
if (!isCheck) writeFileSync(page, text);
console.log(isCheck ? "docs/library.md is up to date" : "wrote docs/library.md");
