/** Values of the build: the package's version and repository from package.json, and the path of the bundle at run time. */
declare const BUCK2_ORAS_VERSION: string | undefined;
declare const BUCK2_ORAS_REPOSITORY: string | undefined;
declare const BUCK2_ORAS_BUNDLE: string | undefined;

export const version: string = typeof BUCK2_ORAS_VERSION === "string" ? BUCK2_ORAS_VERSION : "0.0.0-source";

/** Path of the bundle; undefined for a program that runs from its source. */
export const bundlePath: string | undefined = typeof BUCK2_ORAS_BUNDLE === "string" ? BUCK2_ORAS_BUNDLE : undefined;

/** Address of the package's git repository, from package.json; undefined if package.json names none. */
export const repositoryUrl: string | undefined =
  typeof BUCK2_ORAS_REPOSITORY === "string" && BUCK2_ORAS_REPOSITORY !== "" ? BUCK2_ORAS_REPOSITORY : undefined;
