/** The programs that meet the faults, and how each is called for what is to be done. */
import type { Operation } from "./scenarios/scenario.ts";

/** What a program is called with. The folder is its working folder, `tool` the file and `layout` the same in an OCI image layout. */
export interface Desk {
  readonly host: string;
  /** What it pulls goes below `out` in it. */
  readonly dir: string;
}

export interface Call {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The password. */
  readonly input?: string;
}

export interface Contender {
  readonly hasMirrors: boolean;
  readonly calls: Readonly<Record<Operation, (desk: Desk) => Call>>;
}

/** @param executable Path of ours. */
export function ours(executable: string): Contender {
  const call = (args: readonly string[], input = ""): Call => ({
    command: [process.execPath, executable, ...args],
    env: { BUCK2_ORAS_CACHE_DIR: "cache" },
    input,
  });
  return {
    hasMirrors: true,
    calls: {
      pull: ({ host }) => call(["pull", `${host}/t/tool:1`, "-o", "out"]),
      push: ({ host }) => call(["push", `${host}/t/tool:1`, "tool", "--compression", "none"]),
      list: ({ host }) => call(["list", `${host}/t/tool`]),
      login: ({ host }) => call(["login", host, "-u", "user", "--password-stdin"], "secret"),
    },
  };
}

export const orasProgram: Contender = {
  hasMirrors: false,
  calls: {
    pull: ({ host }) => ({ command: ["oras", "pull", "--plain-http", `${host}/t/tool:1`, "-o", "out"] }),
    push: ({ host }) => ({
      command: ["oras", "push", "--plain-http", `${host}/t/tool:1`, "tool:application/octet-stream"],
    }),
    list: ({ host }) => ({ command: ["oras", "repo", "tags", "--plain-http", `${host}/t/tool`] }),
    login: ({ host }) => ({
      command: ["oras", "login", "--plain-http", host, "-u", "user", "--password-stdin"],
      input: "secret",
    }),
  },
};

export const craneProgram: Contender = {
  hasMirrors: false,
  calls: {
    pull: ({ host }) => ({ command: ["crane", "pull", "--insecure", "--format=oci", `${host}/t/tool:1`, "out"] }),
    push: ({ host }) => ({ command: ["crane", "push", "--insecure", "layout", `${host}/t/tool:1`] }),
    list: ({ host }) => ({ command: ["crane", "ls", "--insecure", `${host}/t/tool`] }),
    login: ({ host }) => ({
      command: ["crane", "auth", "login", host, "-u", "user", "--password-stdin"],
      input: "secret",
    }),
  },
};
