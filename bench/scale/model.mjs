/**
 * Requests, bytes and cost of a fleet's day at the registry. Pure arithmetic: assumptions and measured constants in, figures out.
 *
 * A day in the middle of the year: all tools were published before, and some get a new version.
 */

/** Units are in the names. @type {import("./model.d.mts").Assumptions} */
export const assumptions = {
  toolsInLock: 1000,
  builders: 10_000,
  buildsPerBuilder: 10,
  toolsPerBuild: 50,
  toolBytes: 10_000_000,
  newVersionsPerDay: 10,
  checkoutsPerBuilder: 2,
  cleansPerBuilder: 1,
  mirrors: 3,
  manifestsPerTag: 2,
  quotaManifests: 200,
  quotaHours: 6,
  limitPerSecond: 100,
  busyHours: 10,
  dollarsPerGb: 0.09,
};

/**
 * Constants out of `bench/RESULTS.json`.
 *
 * @type {typeof import("./model.d.mts").measuredIn}
 */
export function measuredIn({ families }) {
  const requests = (name) => {
    const value = families.requests?.results[name]?.value;
    if (value === undefined) throw new Error(`bench/RESULTS.json has no requests of a cold locked pull, ${name}`);
    return value;
  };
  const tools = families.tools?.results ?? {};
  const [native, process] = [median(tools.native?.ms), median(tools.process?.ms)];
  const savedMs = native === undefined || process === undefined ? undefined : (process - native) / toolsOfTheRace;
  return { openRequests: requests("open"), tokenRequests: requests("tokens"), nativeSavesMs: savedMs };
}

/** `buck2 build` of so many tools. */
const toolsOfTheRace = 50;

function median(values = []) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : mean(sorted.slice(middle - 1, middle + 1));
}

function mean(values) {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * A fleet whose machines are new for each build, and one whose machines stay. Each way is for itself, at a registry with tokens.
 *
 * @type {typeof import("./model.d.mts").daysOf}
 */
export function daysOf(given, measured) {
  const builds = given.builders * given.buildsPerBuilder;
  const { newVersionsPerDay: versions, toolsPerBuild, mirrors, manifestsPerTag } = given;
  /** Tools that a machine uses and that have a new version. */
  const changed = (versions * toolsPerBuild) / given.toolsInLock;
  const day = (blobs, requestsPerBlob, manifests = 0) => figuresOf(blobs, blobs * requestsPerBlob, manifests, given);
  const { openRequests, tokenRequests } = measured;
  const logins = tokenRequests - openRequests;
  const byTags = (blobs, looks) =>
    figuresOf(blobs, blobs * openRequests + looks * (manifestsPerTag + logins), looks * manifestsPerTag, given);
  const shared = {
    mirror: day(mirrors * versions, tokenRequests),
    "action cache": day(versions, tokenRequests),
  };
  const cold = builds * toolsPerBuild;
  // `buck2 clean` and each checkout download again; the store does not.
  const nativeStaying = given.builders * (changed * given.checkoutsPerBuilder + toolsPerBuild * given.cleansPerBuilder);
  return {
    new: {
      tags: byTags(cold, cold),
      lock: day(cold, tokenRequests),
      native: day(cold, openRequests),
      ...shared,
    },
    staying: {
      tags: byTags(given.builders * changed, cold),
      lock: day(given.builders * changed, tokenRequests),
      native: day(nativeStaying, openRequests),
      ...shared,
    },
  };
}

function figuresOf(blobs, requests, manifests, given) {
  const bytes = blobs * given.toolBytes;
  const perSecond = requests / (given.busyHours * 3600);
  return {
    blobs,
    requests,
    manifests,
    bytes,
    perSecond,
    isOverLimit: perSecond > given.limitPerSecond,
    accounts: Math.ceil((manifests * given.quotaHours) / 24 / given.quotaManifests),
    dollars: (bytes / 1e9) * given.dollarsPerGb,
  };
}
