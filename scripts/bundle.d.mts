import type { BuildOptions, BuildResult } from "esbuild";

export declare const root: string;
export declare const common: BuildOptions;
export declare function bundleExecutable(): Promise<BuildResult<{ write: false }>>;
