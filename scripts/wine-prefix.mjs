/**
 * Folder that Wine takes for its drives. Not in the repository: its drive Z is a link to the root of the file system, and
 * Buck2's file watcher would follow the link through the whole machine.
 */
import { join } from "node:path";

export const winePrefix = join("/var/tmp", `buck2-oras-tests-wine-${process.getuid?.() ?? 0}`);

/** Environment of Wine's programs: this folder, and no windows, questions or messages. */
export const wineEnvironment = {
  WINEPREFIX: winePrefix,
  WINEDEBUG: "-all",
  WINEDLLOVERRIDES: "mscoree=;mshtml=;winemenubuilder.exe=d",
  DISPLAY: "",
};
