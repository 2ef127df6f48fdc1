/** Types keys into a shell on a terminal of its own, as a person does. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oras, orasWords } from "./executable.ts";
import { requireProgram, type Skippable } from "./peers.ts";
import { run } from "./run.ts";

export type InteractiveShell = "bash" | "zsh" | "fish";

export const tab = "\t";

const prompt = "ready>";

/** The start file that sources `completion`, and how the shell is started with it and no other. */
const starts: Readonly<Record<InteractiveShell, { readonly before: string; readonly command: string }>> = {
  bash: {
    before: `[ ! -r $COMMON ] || . $COMMON; bind 'set bell-style none'; PS1='${prompt}'`,
    command: "bash --noprofile --rcfile rc -i",
  },
  zsh: {
    before: `autoload -Uz compinit; compinit -u -D; setopt no_beep; PS1='${prompt}'`,
    command: "ZDOTDIR=zdotdir zsh -d -i",
  },
  fish: { before: `function fish_prompt; echo '${prompt}'; end`, command: "fish --no-config -i -C 'source rc'" },
};

const [lineStart, clearLine] = ["\x01", "\x15"];

/**
 * Types lines into a new shell in `dir` where `buck2-oras` is the executable and its completion is on. Each takes the place of
 * the one before, and none is run.
 *
 * @param lines With {@link tab} where the key is pressed.
 * @returns The words of the last line, as the shell would give them to the program.
 */
export async function wordsAfter(
  shell: InteractiveShell,
  lines: readonly string[],
  dir: string,
  context: Skippable,
): Promise<readonly string[]> {
  const terminal = requireProgram(context, "script");
  if (process.platform !== "linux") context.skip("script(1) takes a command on Linux alone");
  requireProgram(context, shell);
  const { before, command } = starts[shell];
  const completion = await oras(["completion", shell]);
  const bin = join(dir, "bin");
  for (const folder of [bin, join(dir, "zdotdir"), join(dir, "home")]) mkdirSync(folder, { recursive: true });
  const program = `#!/bin/sh\nexec ${orasWords()} "$@"\n`;
  writeFileSync(join(bin, "buck2-oras"), program, { mode: 0o755 });
  writeFileSync(join(bin, "words-of"), '#!/bin/sh\nshift; printf "%s\\n" "$@" > "$WORDS"\n', { mode: 0o755 });
  for (const file of ["rc", "zdotdir/.zshrc"]) writeFileSync(join(dir, file), `${before}\n${completion.stdout}`);
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    TERM: "dumb",
    HOME: join(dir, "home"),
    WORDS: join(dir, "words"),
    // Most people have the package; a script that leans on it is to be tried with it.
    COMMON: "/usr/share/bash-completion/bash_completion",
  };
  // Another program is put in front of the last line, which then is its argument list.
  const input = `${lines.join(clearLine)}${lineStart}words-of \nexit\n`;
  let said = "";
  const ran = await run(terminal, ["-qec", command, "/dev/null"], {
    cwd: dir,
    env,
    input: undefined,
    onStart: (child) => {
      // Before its prompt the terminal takes keys by itself: it would drop a line, and press no Tab.
      child.stdout?.on("data", (text: string) => {
        const wasReady = said.includes(prompt);
        said += text;
        if (!wasReady && said.includes(prompt)) child.stdin?.end(input);
      });
    },
  });
  try {
    return readFileSync(env.WORDS, "utf8").trimEnd().split("\n");
  } catch {
    throw new Error(`the shell ran nothing: ${ran.stdout}${ran.stderr}`);
  } finally {
    rmSync(env.WORDS, { force: true });
  }
}
