/**
 * Writes `docs/rules.md` from what `buck2 docs starlark` says of `rules/defs.bzl`.
 *
 * `node scripts/docs-rules.mjs [--check]`: with --check nothing is written, and a file that differs makes it fail. Without
 * Buck2 (`BUCK2=…`, or on the PATH) it does nothing and says so.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasBuck2, root, withBuck2 } from "./buck2.mjs";
import { fetchSection } from "./fetch-table.mjs";

const file = join(root, "docs", "rules.md");
const isCheck = process.argv.includes("--check");

/** Without markers such as «from here on by name only», and without private attributes. */
function namedParams({ item }) {
  return item.params.filter((param) => param.name !== undefined && !param.name.startsWith("_"));
}

/** Attributes that Buck2 gives to all rules are those that all have; `name` alone is worth a line. */
function commonAttributes(rules) {
  const [first = [], ...others] = rules.map((rule) => namedParams(rule).map((param) => param.name));
  return new Set(first.filter((name) => name !== "name" && others.every((names) => names.includes(name))));
}

function oneLine({ summary, details }) {
  return [summary, details].filter(Boolean).join(" ").replaceAll(/\s+/g, " ").trim();
}

/** The text in one line, then its examples: the blocks of code keep their lines. */
function withExamples({ summary, details }) {
  const parts = [summary, details].filter(Boolean).join("\n\n").split("```");
  return parts
    .map((part, index) => (index % 2 === 1 ? `\n\n\`\`\`${part}\`\`\`` : oneLine({ summary: part })))
    .join("");
}

function signature({ kind, type, default_value: defaultValue }) {
  if (kind === "kwargs") return "";
  const isShort = defaultValue !== null && defaultValue.length < 40;
  // Here this repository is the root cell; in a consumer's project it is not.
  const shown = defaultValue?.replace('"root//', '"oras//');
  const rest = defaultValue === null ? "required" : isShort ? `default \`${shown}\`` : "has a default";
  return ` (\`${type}\`, ${rest})`;
}

function renderFunction(symbol, omitted) {
  const { id, item } = symbol;
  const params = namedParams(symbol).filter((param) => !omitted.has(param.name));
  const lines = params.map((param) => {
    const text = param.name === "name" ? "Name of the target." : oneLine(param.docs ?? {});
    return `- \`${param.kind === "kwargs" ? "**" : ""}${param.name}\`${signature(param)}: ${text}`;
  });
  return `### ${id.name}\n\n${withExamples(item.docs)}\n\n${lines.join("\n")}\n`;
}

function render(symbols) {
  const functions = symbols.filter(({ item }) => item.kind === "function");
  const isRule = ({ item }) => item.params.some((param) => param.name === "default_target_platform");
  const common = commonAttributes(functions.filter(isRule));
  const providers = symbols.filter(({ item }) => item.kind === "property" && item.type === "ProviderCallable");
  return `<!-- Made by \`npm run docs\` from rules/defs.bzl: change the docstrings there. -->

# Rules

\`load("@oras//rules:defs.bzl", …)\`, where \`oras\` is what your project calls the cell. All rules take Buck2's own attributes,
too: ${[...common].map((name) => `\`${name}\``).join(", ")}.

## Rules and macros

${functions.map((one) => renderFunction(one, isRule(one) ? common : new Set())).join("\n")}
## Choice of fetch

| machines | choose |
|---|---|
| laptops and other machines that stay | \`auto\`, with [workers](workers.md): one line in \`.buckconfig\` |
| a registry with a login | \`auto\`, with workers |
| new for each build, and a registry that asks for no login | \`native\`, if the registry is always there and the line never breaks; else \`auto\`, with workers |
| a remote cache, or hybrid remote execution | \`auto\` |
| strict remote execution | \`native\`, or one of [two ways with a login](remote-execution.md#workers-alone-and-a-registry-with-logins) |

All settings of machines with a remote cache or workers are in [one table](remote-execution.md#which-setting-for-which-fleet).

\`auto\` is \`process\`: Buck2's own fetch is the fastest where everything is new, but it downloads again in a second checkout and after \`buck2 clean\`, and
it fails with the registry down or a connection that breaks.

Seconds of \`buck2 build\` with a running daemon, medians of one to three rounds, which differ by a fifth, for the values of the toolchain's \`fetch\`; \`worker\` is \`process\` on an execution
platform with [workers](workers.md). A store is empty where nothing else is said. The links and the machine are those of [bench/RESULTS.md](../bench/RESULTS.md).

${fetchSection()}

## Providers

${providers.map(({ id, item }) => `- \`${id.name}\`: ${oneLine(item.docs)}`).join("\n")}
`;
}

if (!hasBuck2()) {
  console.log("skipped docs/rules.md: buck2 is not installed");
} else {
  const text = render(
    JSON.parse(withBuck2((buck2) => buck2("docs", "starlark", "--format", "json", "//rules:defs.bzl"))),
  );
  if (!isCheck) {
    writeFileSync(file, text);
    console.log("wrote docs/rules.md");
  } else if (readFileSync(file, "utf8") === text) {
    console.log("docs/rules.md is up to date");
  } else {
    console.error("docs/rules.md is not what the rules say of themselves: run `npm run docs` and commit docs/");
    process.exit(1);
  }
}
