export interface Made {
  readonly file: string;
  /** Platform string. */
  readonly platform: string;
  readonly bundle: Uint8Array;
  readonly version: string;
}

export declare function checkMade(made: Made): void;
