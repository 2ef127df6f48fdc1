export function makeExecutable(request: {
  readonly platform: string;
  /** Of Node. */
  readonly version: string;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  /** Absolute path of the executable. */
  readonly output: string;
  /** Absolute paths of Nodes that are there already. */
  readonly nodes?: { readonly target: string; readonly generator: string };
}): Promise<void>;
