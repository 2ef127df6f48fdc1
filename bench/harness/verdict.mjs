/**
 * Verdicts: targets held against what was measured.
 *
 * A target is data: `what`; for a race `ours` and `against` (names of contenders, of which the fastest counts), for a measured value
 * `value`; and `atMost` or `exactly`. Without a bound, it is a figure that is shown only. `least` names a contender that does the least that
 * Node needs for the same.
 */
import { median } from "../support.mjs";

/** Words for a contender that gave no figure. */
function absence(name, result) {
  if (result === undefined) return `skipped: no contender ${name}`;
  if (result.missing !== undefined) return `skipped: no ${result.missing}`;
  return result.failed === undefined ? undefined : `failed: ${name}: ${result.failed}`;
}

function ratioOf({ ours, against, least }, results) {
  const reason = absence(ours, results[ours]);
  if (reason !== undefined) return { reason };
  const peers = against.filter((name) => results[name]?.ms !== undefined);
  if (peers.length === 0) return { reason: absence(against[0], results[against[0]]) };
  const best = peers.reduce((one, other) => (median(results[other].ms) < median(results[one].ms) ? other : one));
  const [own, peer] = [median(results[ours].ms), median(results[best].ms)];
  const leastMs = results[least]?.ms;
  const floor = leastMs === undefined ? undefined : (median(leastMs) / peer).toFixed(2);
  return { figure: own / peer, detail: `${shownMs(own)} : ${shownMs(peer)}`, best, floor };
}

export function shownMs(ms) {
  return ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function bound({ atMost, exactly }) {
  if (exactly !== undefined) return { text: `${exactly}`, holds: (figure) => figure === exactly };
  return atMost === undefined
    ? undefined
    : { text: `≤ ${atMost}`, holds: (figure) => Number(figure.toFixed(2)) <= atMost };
}

/** @returns One line of the table. */
export function judge(target, results) {
  const { what, unit = "" } = target;
  const limit = bound(target);
  const measured =
    target.value === undefined
      ? ratioOf(target, results)
      : { figure: results[target.value]?.value, reason: absence(target.value, results[target.value]) };
  const against =
    target.value !== undefined ? "–" : measured.best === undefined ? target.against.join(", ") : measured.best;
  const line = { what, against, target: limit?.text ?? "–", least: measured.floor ?? "" };
  if (measured.figure === undefined) return { ...line, figure: "–", detail: "", verdict: measured.reason ?? "failed" };
  const digits = target.value === undefined ? 2 : 0;
  return {
    ...line,
    ratio: measured.figure,
    isRatio: target.value === undefined,
    bound: target.atMost,
    figure: `${measured.figure.toFixed(digits)}${unit}`,
    detail: measured.detail ?? "",
    verdict: limit === undefined ? "" : limit.holds(measured.figure) ? "ok" : "MISS",
  };
}
