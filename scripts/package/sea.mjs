/**
 * Makes one executable by the SEA function of pkg. A program of its own, because the blob has to come from the Node that it is put into:
 * `NODE scripts/package/sea.mjs REQUEST`, where NODE has the version of the target, and REQUEST is JSON.
 */
import sea from "@yao-pkg/pkg/lib-es5/sea.js";

const { main, assets, output, node, target, version, isOwn } = JSON.parse(process.argv[2]);

await sea.default(main, {
  targets: [{ ...target, nodeRange: `node${version}`, output }],
  // V8's cache is of one version and one processor. For other platforms nobody can try here whether V8 refuses it.
  // The user's NODE_OPTIONS are for another Node, and may name options or files that this one lacks. Without them, Node also reads no file of
  // options that a word of a tool names, such as `--experimental-config-file`.
  // Node would take `--env-file` out of the words of a tool, and load options of Node from that file.
  seaConfig: { useCodeCache: isOwn, assets, execArgv: ["--"], execArgvExtension: "none" },
  // For another platform, pkg would run this file to ask its version. Then the file comes from pkg's own folder instead.
  nodePath: isOwn ? node : undefined,
  signature: true,
});
