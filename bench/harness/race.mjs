/**
 * A race: the contenders take turns, round by round, so that a machine whose speed drifts is fair to all.
 *
 * A contender has `command`, and perhaps `cwd`, `env` and `prepare`, which makes a clean slate before each run; or `missing`, the
 * name of the program without which the contender cannot run; or `time`, a function that measures one run itself. After a run, `note`
 * may say more of it. `rounds` limits the rounds of this contender alone.
 */
import { runProgram } from "./run-program.mjs";

/** One run, with its clean slate. @returns Milliseconds. */
async function run(contender, round) {
  await contender.prepare?.(round);
  return contender.time === undefined ? await runProgram(contender) : await contender.time(round);
}

/**
 * @param limits `rounds` at most; times of `performance.now`: `until`, after which no further round begins, and `atLatest`,
 *   after which not even the first begins; `warmsUp`: whether a round that is not measured comes first.
 * @returns For each contender `{ ms: [..] }`, or `{ missing }`, or `{ failed }`.
 */
export async function race(contenders, limits, say = () => {}) {
  const results = Object.fromEntries(
    Object.entries(contenders).map(([name, { missing }]) => [name, missing === undefined ? { ms: [] } : { missing }]),
  );
  // Round 0 is not measured: it fills the caches of the operating system.
  for (let round = limits.warmsUp ? 0 : 1; round <= limits.rounds; round += 1) {
    if (performance.now() > (round > 1 ? limits.until : limits.atLatest)) break;
    for (const [name, contender] of Object.entries(contenders)) {
      const result = results[name];
      if (result.ms === undefined || round > (contender.rounds ?? Infinity)) continue;
      try {
        const ms = await run(contender, round);
        if (round > 0) result.ms.push(ms);
        if (contender.note?.() !== undefined) result.note = contender.note();
      } catch (error) {
        results[name] = { failed: String(error.message ?? error), reason: error.reason };
        say(`${name}: ${results[name].failed}`);
      }
    }
    say(`round ${round} of ${limits.rounds}`);
  }
  for (const [name, { ms }] of Object.entries(results))
    if (ms?.length === 0) results[name] = { failed: "no time was left" };
  return results;
}
