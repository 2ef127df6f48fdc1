/** The option `--lock` of the commands that find the lock themselves. */
import { lockFileName } from "../lockfile/file.ts";
import { pathArgument } from "./arguments.ts";

export const lockOption = [
  "--lock <file>",
  `the lock file (default: the nearest ${lockFileName} up to the project's root)`,
  pathArgument,
] as const;
