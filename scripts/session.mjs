/**
 * The recorded session of the README: `docs/session.txt` is the screen of a real run, and the two pictures are drawn from it.
 *
 * `node scripts/session.mjs [--check | --record]`: draws the pictures; with --check nothing is written, and a picture that differs makes it fail;
 * with --record the run is repeated first. The run needs tmux, docker-registry, buck2, oras, pip and a network.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";
import { recordSession } from "./session-record.mjs";

const recording = join(root, "docs/session.txt");
const isCheck = process.argv.includes("--check");

const escapeCode = String.fromCharCode(27);
const styleCode = new RegExp(`${escapeCode}\\[([\\d;]*)m`, "g");
const styleCodeOrText = new RegExp(`${styleCode.source}|([^${escapeCode}]+)`, "g");

/** Width and height of a character, and the margin, in pixels. */
const cell = { width: 8.4, height: 20 };
const margin = 16;
const fonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** Foreground colours by the number of their SGR code (ECMA-48, 8.3.117). */
const themes = {
  light: {
    back: "#f6f8fa",
    text: "#1f2328",
    dim: "#59636e",
    prompt: "#0969da",
    31: "#cf222e",
    32: "#1a7f37",
    33: "#9a6700",
    34: "#0969da",
    35: "#8250df",
    36: "#1b7c83",
  },
  dark: {
    back: "#161b22",
    text: "#e6edf3",
    dim: "#9198a1",
    prompt: "#58a6ff",
    31: "#ff7b72",
    32: "#3fb950",
    33: "#d29922",
    34: "#58a6ff",
    35: "#bc8cff",
    36: "#39c5cf",
  },
};

/** Splits a line of a terminal into runs of one style. */
function* runsOf(line) {
  let style = { color: undefined, isBold: false, isDim: false };
  let column = 0;
  for (const [, codes, text] of line.matchAll(styleCodeOrText)) {
    if (text !== undefined) {
      yield { text, column, style };
      column += [...text].length;
      continue;
    }
    for (const code of (codes || "0").split(";").map(Number)) {
      if (code === 0) style = { color: undefined, isBold: false, isDim: false };
      else if (code === 1) style = { ...style, isBold: true };
      else if (code === 2 || code === 90) style = { ...style, isDim: true };
      else if (code === 22) style = { ...style, isBold: false, isDim: false };
      else if (code === 39) style = { ...style, color: undefined, isDim: false };
      else if (code >= 31 && code <= 36) style = { ...style, color: code };
    }
  }
}

function escapeXml(text) {
  // Spaces that no reader of SVG may join.
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(" ", "\u00a0");
}

function drawRun({ text, column, style }, y, theme) {
  if (text.trim() === "") return "";
  const lead = text.length - text.trimStart().length;
  const shown = text.trim();
  const x = margin + (column + lead) * cell.width;
  const fill = style.isDim ? theme.dim : style.color === undefined ? theme.text : theme[style.color];
  const weight = style.isBold ? ' font-weight="bold"' : "";
  const width = (shown.length * cell.width).toFixed(1);
  // Whatever font the reader has, columns stay columns.
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${fill}"${weight} textLength="${width}">${escapeXml(shown)}</text>\n`;
}

/** A prompt is shown apart from what is typed behind it, which is bold. */
function* styled(line) {
  if (!line.startsWith("$ ")) return yield* runsOf(line);
  const typed = line.slice(2);
  const isRemark = typed.startsWith("#");
  yield { text: "$", column: 0, style: { color: 34, isBold: false, isDim: false } };
  yield { text: typed, column: 2, style: { color: undefined, isBold: !isRemark, isDim: isRemark } };
}

function draw(lines, theme) {
  const columns = Math.max(...lines.map((line) => line.replace(styleCode, "").length));
  const width = Math.ceil(2 * margin + columns * cell.width);
  const height = 2 * margin + lines.length * cell.height;
  const body = lines.map((line, row) =>
    [...styled(line)].map((run) => drawRun(run, margin + row * cell.height + 15, theme)).join(""),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${fonts}" font-size="14">
<title>A session with buck2-oras; docs/session.txt has its text</title>
<rect width="100%" height="100%" rx="8" fill="${theme.back}"/>
${body.join("")}</svg>
`;
}

if (process.argv.includes("--record")) writeFileSync(recording, await recordSession());
const lines = readFileSync(recording, "utf8").trimEnd().split("\n");
const stale = [];
for (const [name, theme] of Object.entries(themes)) {
  const file = `docs/session-${name}.svg`;
  const text = draw(lines, theme);
  if (!isCheck) writeFileSync(join(root, file), text);
  else if (readFileSync(join(root, file), "utf8") !== text) stale.push(file);
}
if (stale.length > 0) {
  console.error(`not drawn from docs/session.txt: ${stale.join(", ")}; run \`npm run docs\``);
  process.exit(1);
}
console.log(`the pictures of docs/session.txt are ${isCheck ? "up to date" : "drawn"}`);
