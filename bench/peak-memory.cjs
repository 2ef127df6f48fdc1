// Preloaded into a measured process: writes its peak resident memory in KiB to a file when it ends.
process.on("exit", () =>
  require("node:fs").writeFileSync(process.env.PEAK_MEMORY_FILE, String(process.resourceUsage().maxRSS)),
);
