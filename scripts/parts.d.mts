import type { Metafile } from "esbuild";

export declare function outputOf(entry: string, outputs: Metafile["outputs"]): string;
export declare function closure(path: string, outputs: Metafile["outputs"]): ReadonlySet<string>;
