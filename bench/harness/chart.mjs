/** The chart of the README: a bar for each ratio, on a logarithmic scale, with the target as a mark. */
const width = 940;
const labelWidth = 520;
const valueWidth = 78;
const rowHeight = 24;
const top = 72;
/** Ends of the scale; longer bars are cut. */
const [least, most] = [0.1, 10];
const ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10];

const plotLeft = labelWidth;
const plotRight = width - valueWidth;

function x(ratio) {
  const bounded = Math.min(most, Math.max(least, ratio));
  return plotLeft + (Math.log(bounded / least) / Math.log(most / least)) * (plotRight - plotLeft);
}

const escaped = (text) =>
  text.replaceAll("`", "").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const rounded = (value) => value.toFixed(1);

/** Colours for both modes: the page around the picture may be light or dark. */
const style = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e; font-size: 12px }
  .ground { fill: #ffffff }
  .grid { stroke: #d1d9e0 }
  .one { stroke: #59636e }
  .fast { fill: #1a7f64 }
  .slow { fill: #bc6a1b }
  .miss { fill: #b3261e; font-weight: 600 }
  .target { stroke: #1f2328; stroke-width: 2 }
  .cut { stroke: #ffffff; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .ground { fill: #0d1117 }
    .grid { stroke: #2b3138 }
    .one { stroke: #9198a1 }
    .fast { fill: #3fb892 }
    .slow { fill: #e0954a }
    .miss { fill: #ff8a80 }
    .cut { stroke: #0d1117 }
    .target { stroke: #e6edf3 }
  }`;

function bar({ what, against, ratio, bound, figure, verdict }, index) {
  const y = top + index * rowHeight;
  const isMiss = verdict === "MISS";
  const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
  const mark = `<line class="target" x1="${rounded(x(bound))}" x2="${rounded(x(bound))}" y1="${y + 3}" y2="${y + rowHeight - 3}"/>`;
  // Two lines across the end of a bar that is longer than the scale.
  const cut = ratio > most || ratio < least ? cutMark(ratio > most ? to : from, ratio > most ? -1 : 1, y) : "";
  const value = isMiss ? `<tspan class="miss">✗ ${escaped(figure)}</tspan>` : escaped(figure);
  return `<text x="${labelWidth - 12}" y="${y + 16}" text-anchor="end">${escaped(what)}<tspan class="quiet"> : ${escaped(against)}</tspan></text>
<rect class="${ratio <= 1 ? "fast" : "slow"}" x="${rounded(from)}" y="${y + 6}" width="${rounded(Math.max(1, to - from))}" height="${rowHeight - 12}" rx="2"/>
${cut}${mark}<text x="${width - 8}" y="${y + 16}" text-anchor="end">${value}</text>`;
}

function cutMark(end, inward, y) {
  return [8, 13]
    .map((distance) => {
      const at = end + inward * distance;
      return `<line class="cut" x1="${rounded(at - 2)}" x2="${rounded(at + 2)}" y1="${y + rowHeight - 4}" y2="${y + 4}"/>`;
    })
    .join("");
}

/** Rows of the picture: of one `what` against several, the strictest; and of one row with the standalone executable, the other stays in the table. */
function chosen(lines) {
  const ratios = lines.filter(({ isRatio, ratio, bound }) => isRatio && ratio !== undefined && bound !== undefined);
  const worst = new Map();
  for (const line of ratios) {
    const known = worst.get(line.what);
    if (known === undefined || line.ratio / line.bound > known.ratio / known.bound) worst.set(line.what, line);
  }
  const whats = new Set(worst.keys());
  return [...worst.values()].filter(({ what }) => {
    const twin = what.replace(/, standalone$/, ", Node 24");
    return twin === what || !whats.has(twin);
  });
}

/** @param lines Of `judge`; those without a measured ratio or a target are left out. */
export function renderChart(lines) {
  const shown = chosen(lines);
  const bottom = top + shown.length * rowHeight;
  const grid = ticks.map((tick) => {
    const at = rounded(x(tick));
    return `<line class="${tick === 1 ? "one" : "grid"}" x1="${at}" x2="${at}" y1="${top - 4}" y2="${bottom + 4}"/><text class="quiet" x="${at}" y="${top - 10}" text-anchor="middle">${tick}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 16}" width="${width}" height="${bottom + 16}" role="img">
<title>Time of buck2-oras, divided by the time of the others</title>
<style>${style}
</style>
<rect class="ground" width="${width}" height="${bottom + 16}" rx="6"/>
<text x="${labelWidth - 12}" y="20" text-anchor="end">time of buck2-oras : time of the other (1 is equal)</text>
<text class="quiet" x="${plotLeft}" y="20">faster</text><text class="quiet" x="${plotRight}" y="20" text-anchor="end">slower</text>
<text class="quiet" x="${plotRight}" y="38" text-anchor="end">upright mark: target · ✗: missed · two strokes: the bar is cut</text>
${grid.join("\n")}
${shown.map(bar).join("\n")}
</svg>
`;
}
