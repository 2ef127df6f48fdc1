import type { BuildResult } from "esbuild";

export declare const root: string;
export declare function bundleExecutable(): Promise<BuildResult<{ write: false }>>;
export declare function bundleLibrary(): Promise<BuildResult<{ write: false }>>;
