/** The package's version; the build puts it in from package.json. */
declare const BUCK2_ORAS_VERSION: string | undefined;

export const version: string = typeof BUCK2_ORAS_VERSION === "string" ? BUCK2_ORAS_VERSION : "0.0.0-source";
