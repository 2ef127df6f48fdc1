/** The cell of buck2-oras in a project's configuration: found, or to be added. */
import { lstat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { readTextFile } from "../files/change-text.ts";
import type { BuckConfig } from "./buckconfig.ts";
import { maxFileBytes } from "./text-file.ts";

/** Git repository and commit of buck2-oras. */
export interface CellSource {
  readonly origin: string;
  readonly commit: string;
}

export interface CellRequest {
  /** Undefined: the cell that the project has, else `oras`. */
  readonly name: string | undefined;
  readonly source: CellSource | undefined;
}

/** Lines of the configuration by section. */
export type ConfigLines = readonly { readonly section: string; readonly lines: readonly string[] }[];

export interface Cell {
  readonly name: string;
  /** Missing lines of the configuration. */
  readonly missing: ConfigLines;
  /** The existing cell, in words; undefined for a new cell. */
  readonly present: string | undefined;
  /** Lines that differ from the request, and stay. */
  readonly kept: ConfigLines;
}

/** Cells by name; `repositories` is the section's old name. */
export function cellsOf(config: BuckConfig): ReadonlyMap<string, string> {
  const cells = config.section("cells");
  return cells.size > 0 ? cells : config.section("repositories");
}

export function cellSection(config: BuckConfig): string {
  return config.section("cells").size === 0 && config.section("repositories").size > 0 ? "repositories" : "cells";
}

/** The project's cell with the same origin, whatever its name. */
function cellOfOrigin(config: BuckConfig, source: CellSource | undefined): string | undefined {
  if (source === undefined) return undefined;
  const cells = [...cellsOf(config).keys()];
  return cells.find((name) => config.get(`external_cell_${name}`, "git_origin") === source.origin);
}

/** A name that a load statement and a target can hold; the author of the checkout may have written it. */
function checkedCell(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name)) return name;
  throw new UsageError("USAGE_INVALID", `${JSON.stringify(name)} is not a name of a cell`, {
    hint: "name the cell with letters, digits and `_`, such as --cell buck2_oras",
  });
}

/**
 * @throws {UsageError} no name of a cell; the name belongs to another cell; a new cell needs a source
 */
export async function findCell(request: CellRequest, config: BuckConfig, root: string): Promise<Cell> {
  const name = checkedCell(request.name ?? cellOfOrigin(config, request.source) ?? "oras");
  const path = cellsOf(config).get(name);
  if (path === undefined) return await newCell(name, request.source, config, root);
  const kind = config.get("external_cells", name);
  if (kind === "git") return existingGitCell(name, request.source, config);
  const rules = join(resolve(root, path), "rules", "defs.bzl");
  const defs = await readTextFile(rules, maxFileBytes).catch(() => undefined);
  if (kind === undefined && defs?.includes("oras_toolchain") === true) {
    return { name, missing: [], present: `the cell ${name} is the folder ${path}`, kept: [] };
  }
  throw new UsageError("USAGE_INVALID", `the project has another cell of the name ${name}: ${path}`, {
    hint: "choose another name with --cell NAME, such as --cell buck2_oras",
  });
}

function existingGitCell(name: string, source: CellSource | undefined, config: BuckConfig): Cell {
  const section = `external_cell_${name}`;
  const [origin, commit] = [config.get(section, "git_origin"), config.get(section, "commit_hash")];
  const differs = source !== undefined && (source.origin !== origin || source.commit !== commit);
  const lines = differs ? [`git_origin = ${source.origin}`, `commit_hash = ${source.commit}`] : [];
  const present = `the cell ${name} is ${origin ?? "a git repository"} at ${commit ?? "no commit"}`;
  return { name, missing: [], present, kept: differs ? [{ section, lines }] : [] };
}

async function newCell(name: string, source: CellSource | undefined, config: BuckConfig, root: string): Promise<Cell> {
  if (source === undefined) {
    throw new UsageError("USAGE_INVALID", "a new cell needs the git repository of buck2-oras and a commit", {
      hint: "add --origin URL --commit SHA; `git ls-remote URL HEAD` prints the newest commit, in the line that ends in HEAD alone",
    });
  }
  const path = await freePath(name, config, root);
  const missing = [
    { section: cellSection(config), lines: [`${name} = ${path}`] },
    { section: "external_cells", lines: [`${name} = git`] },
    {
      section: `external_cell_${name}`,
      lines: [`git_origin = ${source.origin}`, `commit_hash = ${source.commit}`],
    },
  ];
  return { name, missing, present: undefined, kept: [] };
}

/**
 * Path of the cell, at which Buck2 shows the repository's files: nothing may be there, no other cell may have the path,
 * and its parent must exist.
 */
async function freePath(name: string, config: BuckConfig, root: string): Promise<string> {
  const taken = new Set(cellsOf(config).values());
  for (let path = name; ; path += "_cell") {
    const isThere = await lstat(join(root, path)).then(
      () => true,
      () => false,
    );
    if (!isThere && !taken.has(path)) return path;
  }
}
