/** Metadata of npm packages. The publisher controls every text; registries and old packages use many shapes. */
import * as v from "valibot";
import { nodePlatform, type PlatformString } from "../model/platform.ts";

/** A text or a list of texts; other values count as missing. */
const list = v.pipe(
  v.unknown(),
  v.transform((value): readonly string[] => {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    return items.filter((item) => typeof item === "string");
  }),
);
const texts = v.pipe(
  v.unknown(),
  v.transform((value): Readonly<Record<string, string>> => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === "string"));
  }),
);

/** A valid name of a file everywhere, for the name of a tool. */
const toolName = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;
const maxTextLength = 300;

/** @see docs.npmjs.com, "package.json", "license"; also its older forms: an object, and a list of objects */
function licenseOf(license: unknown): string | undefined {
  const items: readonly unknown[] = Array.isArray(license) ? license : [license];
  const names = items.map((item) => {
    if (typeof item === "string") return item;
    if (typeof item !== "object" || item === null) return undefined;
    const { type, name } = item as { readonly type?: unknown; readonly name?: unknown };
    return [type, name].find((text) => typeof text === "string");
  });
  const text = [...new Set(names.filter((one) => one !== undefined && one.trim() !== ""))].join(" OR ");
  return text === "" || text.length > maxTextLength ? undefined : text;
}

/** @see docs.npmjs.com, "package.json", "repository" */
function sourceUrlOf(repository: unknown): string | undefined {
  const given =
    typeof repository === "object" && repository !== null ? (repository as { readonly url?: unknown }).url : repository;
  if (typeof given !== "string" || given.length > maxTextLength) return undefined;
  const [, host = "", path] = /^(?:(github|gitlab|bitbucket):)?([\w.-]+\/[\w.-]+)$/.exec(given) ?? [];
  if (path === undefined) return given.replace(/^git\+/, "");
  return `https://${host === "bitbucket" ? "bitbucket.org" : `${host || "github"}.com`}/${path}`;
}

export const packageFields = [
  "version",
  "license",
  "licenses",
  "repository",
  "bin",
  "scripts",
  "optionalDependencies",
  "os",
  "cpu",
  "libc",
  "dist",
] as const;

export const packageSchema = v.pipe(
  v.object({
    name: v.string(),
    version: v.string(),
    license: v.optional(v.unknown()),
    licenses: v.optional(v.unknown()),
    repository: v.optional(v.unknown()),
    bin: v.optional(v.unknown()),
    scripts: v.optional(texts, {}),
    optionalDependencies: v.optional(texts, {}),
    os: v.optional(list, []),
    cpu: v.optional(list, []),
    libc: v.optional(list, []),
    dist: v.object({
      tarball: v.string(),
      integrity: v.nullish(v.string()),
      shasum: v.nullish(v.string()),
      signatures: v.fallback(v.optional(v.array(v.object({ keyid: v.string(), sig: v.string() })), []), []),
      attestations: v.fallback(v.optional(v.object({ url: v.string() })), undefined),
    }),
  }),
  v.transform(({ license, licenses, repository, ...rest }) => ({
    ...rest,
    license: licenseOf(license) ?? licenseOf(licenses),
    sourceUrl: sourceUrlOf(repository),
  })),
);
export type NpmPackage = v.InferOutput<typeof packageSchema>;

export const versionsSchema = v.object({
  versions: v.optional(list, []),
  "dist-tags": v.optional(texts, {}),
});

/** @see docs.npmjs.com, "package.json", "os": names, and excluded names with `!` */
function allows(stated: readonly string[], value: string): boolean {
  if (stated.includes(`!${value}`)) return false;
  const wanted = stated.filter((one) => !one.startsWith("!"));
  return wanted.length === 0 || wanted.includes(value) || (wanted.length === 1 && wanted[0] === "any");
}

const osWords = /^(linux|darwin|win32|freebsd|openbsd|netbsd|sunos|aix|android|openharmony)$/;
const cpuWords = /^(x64|arm64|ia32|arm|armv[67]l?|ppc64|s390x|riscv64|loong64|mips64el)$/;
/** Other words in the names of packages, and Node's words. */
const synonyms: Readonly<Record<string, string>> = {
  macos: "darwin",
  osx: "darwin",
  windows: "win32",
  win: "win32",
  amd64: "x64",
  aarch64: "arm64",
};

/** Systems and processors of a package; an old package may state one or both by its name alone. */
export function statedPlatform({ name, os, cpu }: Pick<NpmPackage, "name" | "os" | "cpu">): {
  readonly os: readonly string[];
  readonly cpu: readonly string[];
} {
  const words = name
    .replaceAll("x86_64", "x64")
    .split(/[^a-z0-9]+/)
    .map((word) => synonyms[word] ?? word);
  const named = (pattern: RegExp): string[] => words.filter((word) => pattern.test(word)).slice(-1);
  return { os: os.length > 0 ? os : named(osWords), cpu: cpu.length > 0 ? cpu : named(cpuWords) };
}

/** True for a package that states the platforms on which it can be installed. */
export function statesPlatform(part: Pick<NpmPackage, "name" | "os" | "cpu">): boolean {
  const { os, cpu } = statedPlatform(part);
  return [...os, ...cpu].some((one) => one !== "any");
}

/** The wanted platforms on which npm would install a package. */
export function platformsOf(
  part: Pick<NpmPackage, "name" | "os" | "cpu">,
  wanted: readonly PlatformString[],
): PlatformString[] {
  const { os, cpu } = statedPlatform(part);
  return wanted.filter((platform) => {
    const node = nodePlatform(platform);
    return allows(os, node.os) && allows(cpu, node.cpu);
  });
}

/** True for programs that need musl; old packages state it by their name alone. */
export function needsMusl({ name, libc }: Pick<NpmPackage, "name" | "libc">): boolean {
  return libc.length > 0 ? !allows(libc, "glibc") : /(?:^|[-_.])musl(?:eabi(?:hf)?)?(?:[-_.]|$)/.test(name);
}

/**
 * The tool's own name: the program of this name, else the only program, else the package's name. A scope gives the name
 * of packages such as `@acme/cli`.
 */
export function toolNameOf({ name, bin }: Pick<NpmPackage, "name" | "bin">): string {
  const [, scope, unscoped = name] = /^@([^/]+)\/(.+)$/.exec(name) ?? [];
  const programs = typeof bin === "object" && bin !== null && !Array.isArray(bin) ? Object.keys(bin) : [];
  const known = programs.filter((one) => toolName.test(one));
  if (known.includes(unscoped)) return unscoped;
  if (scope !== undefined && known.includes(scope)) return scope;
  const [only] = known;
  return known.length === 1 && only !== undefined ? only : unscoped;
}
