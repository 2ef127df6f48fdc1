/** Who fetches blobs, in the situations of a project: a table for docs/rules.md. `npm run bench -- --only fetch` fills it. */
import { join } from "node:path";
import { layOutCheckout, openSession, toolCount } from "../harness/checkout.mjs";
import { fromTests } from "../harness/from-tests.mjs";
import { runProgram } from "../harness/run-program.mjs";
import { find } from "../support.mjs";

const slowLink = { bitsPerSecond: 1e8, roundTripMs: 20 };
const largeBytes = 50_000_000;
const breakAfterBytes = 20_000_000;

/** Columns of the table: values of the toolchain's `fetch`, and `process` with a worker. */
const ways = ["native", "process", "worker"];

const toolsOf = (bench) => bench.publications.tools(toolCount + 1);

/** One build, after which its daemon ends: two dozen of them would share the machine. */
async function timed(session, contender) {
  try {
    return await runProgram(contender);
  } finally {
    await session.kill();
  }
}

/** A cell: a session, and what comes before its measured build. */
function cell(session, before, targets = session.all()) {
  if (session.missing !== undefined) return session;
  let heard = "";
  const hear = (text) => {
    heard = text;
  };
  return {
    prepare: before,
    time: () => timed(session, { ...targets, hear }),
    note: () => (heard.includes("does not fetch") ? "by a process" : undefined),
  };
}

async function cold(bench, way, { name, server, isWarm = true }) {
  const dir = await layOutCheckout(bench, { name, server, tools: await toolsOf(bench) });
  const session = openSession(bench, dir, `${name}-${way}`, { fetch: way });
  return cell(session, () => session.restart({ isWarm }));
}

/** The store is as another checkout left it, which took the blobs from `server`. */
async function afterAnother(bench, way, { name, server, beforeBuild = async () => {} }) {
  const tools = await toolsOf(bench);
  const dirs = [];
  for (const suffix of ["first", "second"])
    dirs.push(await layOutCheckout(bench, { name: `${name}-${suffix}`, server, tools }));
  const first = openSession(bench, dirs[0], `${name}-first-${way}`, { fetch: way });
  const second = openSession(bench, dirs[1], `${name}-second-${way}`, { fetch: way, cacheDir: first.cacheDir });
  return cell(second, async () => {
    await first.restart();
    await timed(first, first.all());
    await second.restart({ keepsStore: true });
    await beforeBuild();
  });
}

async function afterClean(bench, way, server) {
  const dir = await layOutCheckout(bench, { name: "clean", server, tools: await toolsOf(bench) });
  const session = openSession(bench, dir, `clean-${way}`, { fetch: way });
  return cell(session, async () => {
    await session.restart();
    await runProgram(session.all());
    await session.clean();
    // The daemon is up again, as in the other rows.
    await session.restart({ keepsStore: true });
  });
}

/** Measured once: a registry that was stopped does not come back at its address. */
async function registryDown(bench, way) {
  const server = await bench.registries.passing();
  const second = await afterAnother(bench, way, { name: `down-${way}`, server, beforeBuild: () => server.stop() });
  return { ...second, rounds: 1 };
}

/** Each connection is cut after 20 MB of a tool of 50 MB. */
async function breaking(bench, way) {
  const [, warmUp] = await toolsOf(bench);
  const large = await bench.publications.random(largeBytes);
  const server = await bench.registries.openBehind({ ...slowLink, breakAfterBytes });
  const dir = await layOutCheckout(bench, { name: "breaking", server, tools: [large, warmUp] });
  const session = openSession(bench, dir, `breaking-${way}`, { fetch: way });
  return cell(session, () => session.restart());
}

async function strict(bench, way) {
  const program = find("nativelink");
  if (program === undefined) return { missing: "nativelink" };
  const { startNativeLink } = await fromTests(bench.work, "nativelink.ts");
  const { executionPlatforms, executionPlatformsConfig } = await fromTests(bench.work, "platform-targets.ts");
  const engine = await startNativeLink(program);
  bench.onEnd(() => engine.stop());
  const platform = process.arch === "arm64" ? "linux-aarch64" : "linux-x86_64";
  const dir = await layOutCheckout(bench, {
    name: `strict-${way}`,
    server: await bench.registries.open(),
    tools: await toolsOf(bench),
    config: executionPlatformsConfig + engine.config,
    files: executionPlatforms([platform], "strict"),
  });
  // A worker's platform would take the place of the strict one, where Buck2 uses no workers.
  const session = openSession(bench, dir, `strict-${way}`, { fetch: way === "worker" ? "process" : way });
  // A warm-up would fail in the same way as the build.
  return cell(session, () => session.restart({ isWarm: way === "native" }));
}

async function withLogin(bench, way) {
  const settings = join(bench.work, "docker-config");
  const { host } = await bench.registries.withLogin(settings);
  const server = { host, access: "token" };
  const dir = await layOutCheckout(bench, { name: "login", server, tools: await toolsOf(bench) });
  const session = openSession(bench, dir, `login-${way}`, { fetch: way, env: { DOCKER_CONFIG: settings } });
  return cell(session, () => session.restart());
}

/** Rows of the table, with the contender of each way. */
const situations = {
  "50 cold tools of 2 MB, loopback": async (bench, way) =>
    await cold(bench, way, { name: "cold", server: await bench.registries.open() }),
  "50 cold tools, 100 Mbit/s, 20 ms": async (bench, way) =>
    await cold(bench, way, { name: "cold-link", server: await bench.registries.openBehind(slowLink) }),
  "a second checkout on the machine, 100 Mbit/s": async (bench, way) =>
    await afterAnother(bench, way, { name: "second", server: await bench.registries.openBehind(slowLink) }),
  "after `buck2 clean`, 100 Mbit/s": async (bench, way) =>
    await afterClean(bench, way, await bench.registries.openBehind(slowLink)),
  "the registry is down, the store is warm": registryDown,
  "a tool of 50 MB, connections that break after 20 MB, 100 Mbit/s": breaking,
  "strict remote execution, loopback": strict,
  "a new CI machine, the daemon's start included, 100 Mbit/s": async (bench, way) =>
    await cold(bench, way, { name: "ci", server: await bench.registries.openBehind(slowLink), isWarm: false }),
  "a registry with a login, loopback": withLogin,
};

async function contenders(bench) {
  const cells = [];
  for (const [situation, contender] of Object.entries(situations))
    for (const way of ways) cells.push([`${situation} · ${way}`, await contender(bench, way)]);
  return Object.fromEntries(cells);
}

export const families = [
  {
    name: "fetch",
    title: "who fetches blobs, in the situations of a project",
    isApart: true,
    rounds: 3,
    seconds: 480,
    warmsUp: false,
    contenders,
    targets: [],
  },
];
