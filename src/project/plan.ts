/** Plan of `init`: which files gain which lines, and what is left to the user. */
import { join } from "node:path";
import type { Lock } from "../lockfile/schema.ts";
import { type BuckConfig, buildFileNames, readBuckConfig, withLines } from "./buckconfig.ts";
import { calls, declaredNames, findBuildFile, withAddition } from "./build-file.ts";
import { type CellRequest, type ConfigLines, cellSection, cellsOf, findCell } from "./cell.ts";
import { newProject } from "./new-project.ts";
import { lockedStandalone, standaloneAdvice, standaloneName } from "./standalone.ts";
import { changeOfFile, type FileChange, type FoundFile, findFile } from "./text-file.ts";
import { toolAddition } from "./tool-targets.ts";

/** Lines for the user to add by hand. */
export interface ByHand {
  /** Path from the root. */
  readonly file: string;
  readonly why: string;
  readonly lines: readonly string[];
  /** False: the project works without the lines. */
  readonly isNeeded: boolean;
}

export interface Plan {
  /** Absolute path. */
  readonly root: string;
  readonly changes: readonly FileChange[];
  readonly byHand: readonly ByHand[];
  /** Existing parts, in words. */
  readonly present: readonly string[];
  /** Target or alias that runs the executable, also where the lock keeps the package of the tools from loading. */
  readonly executable: string;
  /** Targets of the locked tools, in the lock's order. */
  readonly tools: readonly string[];
}

export interface PlanRequest extends CellRequest {
  /** Absolute path. */
  readonly root: string;
  /** False: there is no `.buckconfig`, and a new project begins. */
  readonly isProject: boolean;
  /** The lock in the root; undefined for a missing lock. */
  readonly lock: Lock | undefined;
  /** True for an executable without Node: its project shall need no Node either. */
  readonly isStandalone: boolean;
  readonly signal: AbortSignal;
}

/** Collects the parts of a plan. */
class Planner {
  readonly changes: FileChange[] = [];
  readonly byHand: ByHand[] = [];
  readonly present: string[] = [];

  /** @param lines For the user, if the file has an obstacle. */
  change(file: FoundFile, after: string, lines: readonly string[]): void {
    const change = changeOfFile(file, after);
    if (change === undefined) return;
    if (file.obstacle === undefined) this.changes.push(change);
    else this.byHand.push({ file: file.name, why: `${file.name} ${file.obstacle}`, lines, isNeeded: true });
  }
}

/** @throws {UsageError} see `findCell`; also {ConfigurationError} see `readBuckConfig` and `buildFileNames` */
export async function planInit(request: PlanRequest): Promise<Plan> {
  const { root, signal } = request;
  const planner = new Planner();
  const file = await findFile(join(root, ".buckconfig"), root);
  const config = request.isProject ? await readBuckConfig(root, root, signal) : newProject.config;
  const cell = await findCell(request, config, root);
  if (cell.present !== undefined) planner.present.push(cell.present);
  const added = [...cell.missing, ...toolchainsCell(config), ...aliasLines(cell.name, config, planner)];
  const start = request.isProject ? (file.text ?? "") : newProject.text;
  const after = added.reduce((text, { section, lines }) => withLines(text, section, lines), start);
  planner.change(file, after, request.isProject ? shownLines(added) : after.trimEnd().split("\n"));
  for (const path of config.unread) {
    planner.present.push(`${path} belongs to the configuration and was not read: compare its cells and aliases`);
  }
  for (const kept of cell.kept) {
    const why = `${cell.present ?? "the cell"} and stays so; these lines would change it`;
    planner.byHand.push({ file: ".buckconfig", why, lines: shownLines([kept]), isNeeded: false });
  }
  await planToolchain(cell.name, config, request, planner);
  const tools = await planTools(cell.name, config, request, planner);
  const { changes, byHand, present } = planner;
  return { root, changes, byHand, present, executable: executableOf(cell.name, config), tools };
}

function shownLines(added: ConfigLines): readonly string[] {
  return added.flatMap(({ section, lines }) => [`[${section}]`, ...lines.map((line) => `  ${line}`)]);
}

function toolchainsCell(config: BuckConfig): ConfigLines {
  const isThere = cellsOf(config).has("toolchains") || config.section("cell_aliases").has("toolchains");
  return isThere ? [] : [{ section: cellSection(config), lines: ["toolchains = toolchains"] }];
}

function aliasLines(cell: string, config: BuckConfig, planner: Planner): ConfigLines {
  const target = `${cell}//tools:oras`;
  const found = config.get("alias", "oras");
  if (found === undefined) return [{ section: "alias", lines: [`oras = ${target}`] }];
  const own = [...config.section("alias")].find(([, one]) => one === target)?.[0];
  if (own !== undefined) planner.present.push(`the alias ${own} is ${target}`);
  else {
    const why = `the alias oras is ${found} and stays so: choose another name`;
    planner.byHand.push({ file: ".buckconfig", why, lines: ["[alias]", `  buck2_oras = ${target}`], isNeeded: true });
  }
  return [];
}

/** The alias, else the target itself; neither reads the lock. */
function executableOf(cell: string, config: BuckConfig): string {
  const target = `${cell}//tools:oras`;
  if (config.get("alias", "oras") === undefined) return "oras";
  return [...config.section("alias")].find(([, one]) => one === target)?.[0] ?? target;
}

/** Without the prelude, the executable's own target does not load. */
function hasPrelude(config: BuckConfig): boolean {
  return cellsOf(config).has("prelude") || config.section("cell_aliases").has("prelude");
}

async function planToolchain(cell: string, config: BuckConfig, request: PlanRequest, planner: Planner): Promise<void> {
  const { root, signal } = request;
  const alias = config.get("cell_aliases", "toolchains") ?? "toolchains";
  const folder = cellsOf(config).get(alias) ?? "toolchains";
  const load = `load("@${cell}//rules:defs.bzl", "oras_toolchain")`;
  const state = request.isStandalone ? lockedStandalone(request.lock) : undefined;
  const cli = state === "native" ? `    cli = "${toolsPlace(config).fromOthers}${standaloneName}",\n` : "";
  const target = `oras_toolchain(\n    name = "oras",\n${cli}    visibility = ["PUBLIC"],\n)`;
  const lines = [load, ...target.split("\n")];
  const place = `${folder}/BUCK`;
  if (!hasPrelude(config)) {
    const why =
      "the project has no prelude, which the executable's own target needs: give the toolchain your own `cli`";
    const withCli = target.replace("    visibility", '    cli = "<your target>",\n    visibility');
    planner.byHand.push({ file: place, why, lines: [load, ...withCli.split("\n")], isNeeded: true });
    return;
  }
  if (config.get("external_cells", alias) !== undefined) {
    const why = `the cell ${alias} is not a folder of the project`;
    planner.byHand.push({ file: place, why, lines, isNeeded: true });
    return;
  }
  const path = join(root, folder);
  const file = await findBuildFile(path, buildFileNames(await readBuckConfig(path, root, signal)), request);
  const text = file.text ?? "";
  const leaveCli = (why: string) => {
    const withCli = `    cli = "${toolsPlace(config).fromOthers}${standaloneName}",`;
    planner.byHand.push({ file: file.name, why, lines: [withCli], isNeeded: false });
  };
  if (calls(text, "oras_toolchain")) {
    planner.present.push(`${file.name} declares an oras_toolchain`);
    if (state === "native" && !/\bcli\s*=/.test(text)) leaveCli(standaloneAdvice(state));
  } else if (declaredNames(text).has("oras")) {
    planner.byHand.push({ file: file.name, why: "another target is named oras", lines, isNeeded: true });
  } else {
    planner.change(file, withAddition(text, { loads: [load], targets: [target] }), lines);
    if (state === "unfit" || state === "missing") leaveCli(standaloneAdvice(state));
  }
}

/** The package of the tools: the cell that it is, if it is one, and the beginning of its labels in this and in other cells. */
function toolsPlace(config: BuckConfig): {
  readonly owner?: string;
  readonly own: string;
  readonly fromOthers: string;
} {
  const cells = [...cellsOf(config)];
  const owner = cells.find(([, path]) => /^tools\/*$/.test(path))?.[0];
  if (owner !== undefined) return { owner, own: `${owner}//:`, fromOthers: `${owner}//:` };
  const root = cells.find(([, path]) => path === ".")?.[0] ?? "root";
  return { own: "//tools:", fromOthers: `${root}//tools:` };
}

/** @returns The targets of the locked tools. */
async function planTools(
  cell: string,
  config: BuckConfig,
  request: PlanRequest,
  planner: Planner,
): Promise<readonly string[]> {
  const { root, lock, signal } = request;
  const { owner, own } = toolsPlace(config);
  const folder = join(root, "tools");
  const names = buildFileNames(owner === undefined ? config : await readBuckConfig(folder, root, signal));
  const file = await findBuildFile(folder, names, request);
  const native = request.isStandalone && lockedStandalone(lock) === "native" ? standaloneName : undefined;
  const rootCell = owner === undefined ? "" : "root";
  const addition = toolAddition({ cell, text: file.text ?? "", lock, rootCell, native });
  const lines = [...addition.loads, ...addition.targets.flatMap((target) => target.split("\n"))];
  if (lines.length > 0 && !hasPrelude(config)) {
    const why = "the project has no prelude: give each oras_tool your own `constraints`, and leave the alias out";
    planner.byHand.push({ file: file.name, why, lines, isNeeded: true });
    return [];
  }
  for (const { why, lines: needed } of addition.byHand) {
    planner.byHand.push({ file: file.name, why, lines: needed, isNeeded: true });
  }
  const isWhole = lines.length === 0 && addition.byHand.length === 0;
  if (isWhole) planner.present.push(`${file.name} declares the alias and the locked tools`);
  else if (lines.length > 0) planner.change(file, withAddition(file.text ?? "", addition), lines);
  return Object.keys(lock?.tools ?? {}).map((name) => own + name);
}
