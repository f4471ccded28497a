// The panels of one recording, all on one time axis.
const DOMAINS = { waveform: [0.9, 1], labels: [0.81, 0.885], map: [0.42, 0.79], pitch: [0.2, 0.38], loudness: [0, 0.16] };
// Without labels the map takes their place.
const hasLabels = (details) => details.phones.length + details.syllables.length > 0;
const mapDomain = (details) => (hasLabels(details) ? DOMAINS.map : [DOMAINS.map[0], DOMAINS.labels[1]]);
const MAP_TRACE = 1;

async function readLayers(details) {
  const { rows, columns, png } = details.layers;
  const { levels } = await greyLevels(png);
  const count = levels.length / (rows * columns);
  return Array.from({ length: count }, (_, layer) => Array.from({ length: rows }, (_, row) => {
    const start = (layer * rows + row) * columns;
    return Array.from(levels.subarray(start, start + columns), (level) => level / 255);
  }));
}

// The higher the value the less it lets the spectrogram through.
const mapColours = () => Array.from({ length: 21 }, (_, i) => [i / 20, `rgba(${viridis(i / 20)},${(i / 20) ** 0.7})`]);

const scaled = (layer, top) => layer.map((row) => row.map((value) => value * top));

function waveformTraces(details) {
  const { lowest, highest } = details.waveform;
  const x = lowest.map((_, i) => ((i + 0.5) / lowest.length) * details.duration_s);
  const line = { color: colour("faint"), width: 1 };
  const shared = { type: "scatter", mode: "lines", x, yaxis: "y", line, hoverinfo: "skip", showlegend: false };
  return [{ ...shared, y: lowest }, { ...shared, y: highest, fill: "tonexty", fillcolor: colour("faint") }];
}

function curve(details, values, name, axis, tone, dash) {
  return {
    type: "scatter", mode: "lines+markers", name, x: details.time_s, y: values, yaxis: axis,
    line: { color: colour(tone), dash, width: 2 }, marker: { size: 3 }, connectgaps: false,
  };
}

// Plotly drops a point without text for good; a space it keeps.
const NOT_WRITTEN = "\u00a0";
const LABELS = { syllables: { height: 1, size: 12 }, phones: { height: 0, size: 10 } };

function labelTraces(details) {
  return Object.entries(LABELS).map(([kind, { height, size }]) => ({
    type: "scatter", mode: "text", x: details[kind].map(([start, end]) => (start + end) / 2), y: details[kind].map(() => height),
    text: details[kind].map(() => NOT_WRITTEN), hovertext: details[kind].map(([, , name]) => plotText(name)), yaxis: "y2",
    textfont: { size, color: colour("ink") }, cliponaxis: true, showlegend: false, meta: kind, hovertemplate: "%{hovertext}<extra></extra>",
  }));
}

const ruler = element("canvas").getContext("2d");

// A label is written only where it fits between its two lines; under the pointer all of them are.
function fitLabels(node, details) {
  const axis = node._fullLayout.xaxis;
  const pixels = axis._length / (axis.range[1] - axis.range[0]);
  const places = node.data.flatMap((trace, i) => (trace.meta in LABELS ? [i] : []));
  const texts = places.map((i) => {
    const kind = node.data[i].meta;
    ruler.font = `${LABELS[kind].size}px system-ui, sans-serif`;
    return details[kind].map(([start, end, name]) => (ruler.measureText(name).width + 2 <= (end - start) * pixels ? plotText(name) : NOT_WRITTEN));
  });
  return Plotly.restyle(node, { text: texts }, places);
}

function labelLines(details) {
  return [["phones", -0.5, 0.5], ["syllables", 0.5, 1.5]].flatMap(([kind, y0, y1]) =>
    [...new Set(details[kind].flatMap(([start, end]) => [start, end]))].map((x) => ({
      type: "line", x0: x, x1: x, y0, y1, yref: "y2", line: { color: colour("line"), width: 1 },
    })));
}

// Bins reach from edge to edge; what lies in their middle on the axis need not be their centre.
function heatmap(details, z, more) {
  const customdata = z.map((row, bin) => row.map(() => details.bin_hz[bin]));
  return { type: "heatmap", x: details.time_s, y: details.edges_hz, z, customdata, yaxis: "y3", zsmooth: false, ...more };
}

function mapTraces(details, layers, state) {
  const isSpread = state.layer === 2;
  const top = isSpread ? details.largest_spread : 1;
  const [bottom, highest] = mapDomain(details);
  const bar = { len: highest - bottom, y: (bottom + highest) / 2, thickness: 10, x: 1.005, tickfont: { size: 10 } };
  const traces = [
    heatmap(details, scaled(layers[0], details.decibel_range), {
      zmin: 0, zmax: details.decibel_range, showscale: false, name: plotText(run.facts.representation), hoverinfo: "skip",
      colorscale: [[0, colour("page")], [1, colour("ink")]],
    }),
    heatmap(details, scaled(layers[state.layer], top), {
      zmin: 0, zmax: top, opacity: state.strength, colorscale: mapColours(), colorbar: bar, name: "map",
      hovertemplate: "%{x:.2f} s, %{customdata:.0f} Hz: %{z:.2f}<extra></extra>",
    }),
  ];
  if (layers[1].some((row) => row.some((value) => value > 0))) {
    traces.push({
      type: "contour", x: details.time_s, y: details.bin_hz, z: layers[1], yaxis: "y3", showscale: false, showlegend: false, hoverinfo: "skip",
      contours: { coloring: "none", start: state.threshold, end: state.threshold, size: 1 },
      line: { color: colour("mark"), width: 1.5 }, autocontour: false, opacity: state.strength > 0 ? 1 : 0.5,
    });
  }
  return traces;
}

function panelsOf(details, layers, state) {
  const f0 = curve(details, details.f0_hz, "F0", "y4", "first", "solid");
  const c = curve(details, details.trajectory_hz, "c", "y4", "second", "dot");
  const energy = curve(details, details.envelope, "Q", "y5", "first", "solid");
  const q = curve(details, details.contour, "q", "y5", "second", "dot");
  const data = [...mapTraces(details, layers, state), ...waveformTraces(details), ...labelTraces(details), f0, c, energy, q];
  const peak = Math.max(0.01, ...details.waveform.highest, ...details.waveform.lowest.map(Math.abs));
  const frequencies = { type: "log", tickvals: [20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000], ticktext: ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"] };
  const range = [details.edges_hz[0], details.edges_hz.at(-1)].map(Math.log10);
  const titled = (text) => ({ title: { text, standoff: 4, font: { size: 11 } } });
  return {
    data,
    layout: chartLayout({
      margin: { l: 54, r: 46, t: 8, b: 84 },
      xaxis: { range: [0, details.duration_s], anchor: "y5", title: { text: "time (s)" }, showgrid: false },
      yaxis: { domain: DOMAINS.waveform, range: [-peak, peak], showticklabels: false, fixedrange: true, ...titled("sound"), showgrid: false },
      yaxis2: { domain: DOMAINS.labels, range: [details.phones.length ? -0.5 : 0.5, details.syllables.length ? 1.5 : 0.5], fixedrange: true, showgrid: false, zeroline: false, showticklabels: false, visible: hasLabels(details) },
      yaxis3: { domain: mapDomain(details), range, fixedrange: true, showgrid: false, ...frequencies, ...titled(`${plotText(run.facts.representation)} and map (Hz)`) },
      yaxis4: { domain: DOMAINS.pitch, fixedrange: true, ...frequencies, ...titled("F0, c (Hz)") },
      yaxis5: { domain: DOMAINS.loudness, range: [-0.03, 1.05], fixedrange: true, ...titled("Q, q") },
      shapes: labelLines(details),
      legend: { orientation: "h", y: -0.08, yanchor: "top", traceorder: "normal" },
      hovermode: "closest",
    }),
  };
}
