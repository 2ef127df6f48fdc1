/** Fifty cold locked tools of 2 MB, and one, by a real Buck2, against the prelude's `http_file`, and `oras pull` where tokens are asked for. */
import { join } from "node:path";
import { emptyFolder } from "../harness/bench.mjs";
import { layOutCheckout, openSession, toolCount } from "../harness/checkout.mjs";
import { runProgram } from "../harness/run-program.mjs";
import { find } from "../support.mjs";

const toolsOf = (bench) => bench.publications.tools(toolCount + 1);

/** Buck2's daemon is up and has built another tool; the store is empty. */
function coldBuild(session) {
  if (session.missing !== undefined) return session;
  return { ...session.all(), prepare: () => session.restart() };
}

async function loopback(bench) {
  const dir = await layOutCheckout(bench, {
    name: "loopback",
    server: await bench.registries.open(),
    tools: await toolsOf(bench),
  });
  return (name, fetch) => openSession(bench, dir, name, { fetch });
}

async function allCold(bench) {
  const session = await loopback(bench);
  return {
    native: coldBuild(session("native", "native")),
    process: coldBuild(session("process", "process")),
    http_file: coldBuild(session("plain")),
  };
}

/** Each round builds another tool in the same daemon. */
async function oneCold(bench) {
  const session = await loopback(bench);
  const contender = (name, fetch) => {
    const opened = session(name, fetch);
    if (opened.missing !== undefined) return opened;
    return {
      prepare: async (round) => {
        if (round === 0) await opened.restart();
      },
      time: (round) => runProgram(opened.one(round)),
    };
  };
  return {
    native: contender("one-native", "native"),
    process: contender("one-process", "process"),
    http_file: contender("one-plain"),
  };
}

async function zeroChange(bench) {
  const session = await loopback(bench);
  const contender = (name, fetch) => {
    const opened = session(name, fetch);
    if (opened.missing !== undefined) return opened;
    const prepare = async (round) => {
      if (round > 0) return;
      await opened.restart();
      await runProgram(opened.all());
    };
    return { ...opened.all(), prepare };
  };
  return {
    auto: contender("zero-auto", "auto"),
    native: contender("zero-native", "native"),
    http_file: contender("zero-plain"),
  };
}

async function withTokens(bench) {
  const tools = await toolsOf(bench);
  const { host } = await bench.registries.withTokens();
  const dir = await layOutCheckout(bench, { name: "tokens", server: { host, access: "token" }, tools });
  const out = join(bench.work, "out-fifty");
  const pull = `seq 0 ${toolCount - 1} | xargs -P 4 -I@ "$0" pull --plain-http "$1/t/tool-@:1" -o "$2/@"`;
  const oras = find("oras");
  return {
    worker: coldBuild(openSession(bench, dir, "tokens-worker", { fetch: "worker" })),
    process: coldBuild(openSession(bench, dir, "tokens", { fetch: "process" })),
    oras:
      oras === undefined
        ? { missing: "oras" }
        : bench.peer("sh", ["-c", pull, oras, host, out], { prepare: () => emptyFolder(out) }),
  };
}

async function slowLink(bench) {
  const tools = await toolsOf(bench);
  const server = await bench.registries.openBehind({ bitsPerSecond: 1e8, roundTripMs: 20 });
  const dir = await layOutCheckout(bench, { name: "link", server, tools });
  const second = await layOutCheckout(bench, { name: "link-second", server, tools });
  const first = openSession(bench, dir, "auto", { fetch: "auto" });
  const other = openSession(bench, second, "auto", { fetch: "auto", cacheDir: first.cacheDir });
  return {
    auto: coldBuild(first),
    // The store is as the first checkout has just filled it.
    "auto, second checkout":
      other.missing === undefined ? { ...other.all(), prepare: () => other.restart({ keepsStore: true }) } : other,
    http_file: coldBuild(openSession(bench, dir, "plain")),
  };
}

const http = ["http_file"];

export const families = [
  {
    name: "tools",
    title: "`buck2 build` of 50 cold locked tools of 2 MB, loopback",
    rounds: 5,
    seconds: 75,
    contenders: allCold,
    targets: [
      { what: "`buck2 build` of 50 cold tools, native", ours: "native", against: http, atMost: 1.15 },
      { what: "`buck2 build` of 50 cold tools, a process each", ours: "process", against: http, atMost: 5 },
    ],
  },
  {
    name: "tools-tokens",
    title: "`buck2 build` of 50 cold locked tools of 2 MB, registry with tokens; `oras pull` four at a time",
    rounds: 4,
    seconds: 45,
    contenders: withTokens,
    targets: [
      { what: "50 cold tools, registry with tokens, worker", ours: "worker", against: ["oras"], atMost: 1.2 },
      { what: "50 cold tools, registry with tokens, a process each", ours: "process", against: ["oras"] },
    ],
  },
  {
    name: "one-tool",
    title: "`buck2 build` of one cold locked tool of 2 MB, loopback",
    rounds: 15,
    seconds: 30,
    contenders: oneCold,
    targets: [
      { what: "one cold tool, native", ours: "native", against: http, atMost: 1.1 },
      { what: "one cold tool, a process", ours: "process", against: http, atMost: 1.7 },
    ],
  },
  {
    name: "tools-link",
    title: "`buck2 build` of 50 cold locked tools of 2 MB, 100 Mbit/s, round trips of 20 ms",
    rounds: 3,
    seconds: 80,
    warmsUp: false,
    contenders: slowLink,
    targets: [
      { what: "50 cold tools over 100 Mbit/s, 20 ms, `auto`", ours: "auto", against: http, atMost: 1.05 },
      { what: "the same in a second checkout, `auto`", ours: "auto, second checkout", against: http, atMost: 0.2 },
    ],
  },
  {
    name: "zero-change",
    title: "`buck2 build` of 50 tools that are built already",
    rounds: 15,
    seconds: 25,
    contenders: zeroChange,
    targets: [
      { what: "zero-change build, 50 tools, `auto`", ours: "auto", against: http, atMost: 1.05 },
      { what: "zero-change build, 50 tools, native", ours: "native", against: http, atMost: 1.05 },
    ],
  },
];
