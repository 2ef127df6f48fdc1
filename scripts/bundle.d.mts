import type { BuildResult, Metafile } from "esbuild";

export declare const root: string;
export declare function bundleExecutable(options?: {
  readonly lazy: boolean;
}): Promise<{ readonly text: string; readonly metafile: Metafile }>;
export declare function bundleLibrary(): Promise<BuildResult<{ write: false }>>;
