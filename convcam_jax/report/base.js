"use strict";

// Everything that comes from a run becomes text, never markup.
const readData = (id) => JSON.parse(document.getElementById(id).textContent);
const byId = (id) => document.getElementById(id);
const run = readData("data-overview");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function showPairs(list, pairs) {
  for (const [name, text] of Object.entries(pairs)) list.append(element("dt", { textContent: name }), element("dd", { textContent: text }));
}

// A name of the user's, whose direction of writing has no influence on what stands around it.
const named = (text) => element("bdi", { textContent: text });

// Plotly shows some markup in its texts.
const plotText = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// A user's word in a chart, without the middle of what is too long; the whole word is shown to who points at the chart.
const MOST_LETTERS = 14;

function chartLabel(word) {
  const letters = [...word];
  const cut = letters.length > MOST_LETTERS ? [...letters.slice(0, MOST_LETTERS / 2), "…", ...letters.slice(1 - MOST_LETTERS / 2)] : letters;
  return plotText(cut.join(""));
}

const inWords = (name) => name.replaceAll("_", " ");

// A share that the user has chosen, with all decimals it has.
const settingInPercent = (share) => `${Number((100 * share).toPrecision(6))} %`;

function shownNumber(value) {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(1) : String(Number(value.toPrecision(3)));
}

function shownValue(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return shownNumber(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

const isNumeric = (value) => typeof value === "number" || (typeof value === "string" && /^-?[\d.]+$|^–$/.test(value));

// The columns' names are shown as they are; see inWords for the program's own.
function tableOf(columns, rows) {
  const numeric = columns.map((_, i) => rows.some((row) => isNumeric(row[i])) && rows.every((row) => row[i] === null || isNumeric(row[i])));
  const heads = columns.map((name, i) => element("th", { scope: "col", className: numeric[i] ? "number" : "", textContent: name }));
  const body = rows.map((row) => element("tr", {}, ...row.map((value, i) => {
    const text = shownValue(value);
    return element("td", { className: numeric[i] ? "number" : text.length > 60 ? "long" : "", textContent: text });
  })));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
  return element("div", { className: "scroll", tabIndex: 0 }, table);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

const touch = matchMedia("(pointer: coarse)").matches;

function chartLayout(more = {}) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), automargin: true };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), family: "system-ui, sans-serif", size: 12 },
    margin: { l: 50, r: 10, t: 30, b: 40 },
    dragmode: touch ? false : "zoom",
    legend: { orientation: "h", y: -0.15 },
    hoverlabel: { font: { family: "system-ui, sans-serif" } },
    ...more,
  };
  for (const name of Object.keys(more).filter((key) => /^[xy]axis\d*$/.test(key))) layout[name] = { ...axis, ...more[name] };
  return layout;
}

const drawings = new Map();

// Draws a chart now, and again when the colours change; `finish` is called each time after that.
async function drawChart(node, make, finish = () => {}) {
  drawings.set(node, { make, finish });
  const { data, layout } = make();
  await Plotly.react(node, data, layout, { displayModeBar: false, responsive: true });
  return finish();
}

function redrawCharts() {
  return Promise.all([...drawings].map(([node, { make, finish }]) => drawChart(node, make, finish)));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawCharts);
// What is folded, and unfolded while the page is printed.
const folded = new Set();
// Paper is light, and has a width of its own.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.print = "true";
  for (const part of document.querySelectorAll("details:not([open])")) {
    folded.add(part);
    part.open = true;
  }
  redrawCharts();
  // At once: the paper does not wait for what is done later.
  for (const node of drawings.keys()) Plotly.relayout(node, { width: node.clientWidth });
});
addEventListener("afterprint", async () => {
  delete document.documentElement.dataset.print;
  for (const part of folded) part.open = false;
  folded.clear();
  await redrawCharts();
  for (const node of drawings.keys()) Plotly.relayout(node, { autosize: true });
});

const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]];

function viridis(value) {
  const place = value * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[low].map((part, i) => Math.round(part + (place - low) * (VIRIDIS[low + 1][i] - part)));
}

// The grey levels (0 to 255) of a picture in base64, row by row.
async function greyLevels(png) {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = element("canvas", { width: image.width, height: image.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height).data;
  const levels = Uint8Array.from({ length: image.width * image.height }, (_, i) => pixels[4 * i]);
  return { levels, width: image.width, height: image.height };
}
