export interface Made {
  readonly file: string;
  /** Platform string. */
  readonly platform: string;
  readonly bundle: Uint8Array;
  readonly version: string;
}

/** @param bytes The executable. */
export declare function isSigned(bytes: Buffer): boolean;
export declare function checkMade(made: Made): void;
