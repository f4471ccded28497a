function showFacts() {
  const { corpus, protocol, recordings } = run.facts;
  byId("headline").textContent = `Corpus ${corpus}, protocol ${protocol}; recordings: ${recordings}; ${run.facts["seeds per group"]} ${run.facts["seeds per group"] === "1" ? "seed" : "seeds"} per group.${run.in_tables_only}`;
  showPairs(byId("facts"), run.facts);
  byId("changed").append(run.changed.length
    ? tableOf(["field", "value", "default"], run.changed.map((row) => [row.field, row.value, row.default]))
    : element("p", { textContent: "None." }));
}

// What a chart shows, to be read.
function asText(title, columns, rows) {
  return element("details", {}, element("summary", { textContent: title }), tableOf(columns, rows));
}

// The style sheet's height is that of two rows.
function fitRows(node, count) {
  if (count > 2) node.style.height = `${(node.clientHeight * count) / 2}px`;
}

function showAccuracy() {
  if (!run.accuracies.length) {
    byId("accuracy-chart").replaceWith(element("p", { textContent: "The models are not known." }));
    return;
  }
  const seeds = run.accuracies.flatMap((own) => own.seeds.map((seed, i) => [own.group, seed, `${(100 * own.accuracy[i]).toFixed(1)} %`, own.chosen[i] ? "yes" : "no"]));
  byId("accuracy-chart").after(asText("Test accuracy of every seed", ["group", "seed", "test accuracy", "chosen"], seeds));
  const hasChosen = run.accuracies.some((own) => own.chosen.some(Boolean));
  const names = hasChosen ? ["other seeds", "chosen"] : ["seeds"];
  fitRows(byId("accuracy-chart"), run.accuracies.length);
  drawChart(byId("accuracy-chart"), () => ({
    data: run.accuracies.flatMap((own, place) => names.map((name, wanted) => {
      const kept = own.seeds.map((_, i) => i).filter((i) => own.chosen[i] === Boolean(wanted));
      return {
        type: "scatter", mode: "markers", name, legendgroup: name, showlegend: own === run.accuracies[0],
        x: kept.map((i) => own.accuracy[i]), y: kept.map((i) => place + own.offset[i]), text: kept.map((i) => `${plotText(own.group)}, seed ${own.seeds[i]}`),
        marker: { size: wanted ? 15 : 10, symbol: wanted ? "diamond" : "circle", opacity: 0.8, color: colour(wanted ? "second" : "first") },
        hovertemplate: "%{text}: %{x:.1%}<extra></extra>",
      };
    })),
    layout: chartLayout({
      xaxis: { title: { text: "test accuracy" }, range: [0, 1.02], tickformat: ".0%" },
      yaxis: { tickvals: run.accuracies.map((_, place) => place), ticktext: run.accuracies.map((own) => chartLabel(own.group)), range: [run.accuracies.length - 0.5, -0.5], zeroline: false }, legend: { orientation: "h", y: 1 + 0.4 / Math.max(2, run.accuracies.length) },
    }),
  }));
}

function showConfusions() {
  const nodes = run.confusions.map(() => element("div", { className: "chart square", role: "img" }));
  byId("confusions").style.setProperty("--emotions", Math.max(6, run.emotions.length));
  // All at once, so that each chart is drawn in its final width.
  byId("confusions").append(...run.confusions.map((own, i) => element("div", {}, element("h3", {}, named(own.group), `, ${own.models}`), nodes[i])));
  byId("confusions").after(...run.confusions.map((own) => asText(
    `Confusion matrix, ${own.group}, ${own.models}: truth in rows, answers in columns`,
    ["truth", ...run.emotions], own.counts.map((row, i) => [run.emotions[i], ...row]),
  )));
  const emotions = { type: "category", tickvals: run.emotions.map(plotText), ticktext: run.emotions.map(chartLabel) };
  for (const [i, own] of run.confusions.entries()) {
    const node = nodes[i];
    node.setAttribute("aria-label", `Confusion matrix, ${own.group}, ${own.models}`);
    const shares = own.counts.map((row) => row.map((n) => n / Math.max(1, row.reduce((a, b) => a + b, 0))));
    drawChart(node, () => ({
      data: [{
        type: "heatmap", x: run.emotions.map(plotText), y: run.emotions.map(plotText), z: shares, zmin: 0, zmax: 1,
        text: own.counts, texttemplate: "%{text}", colorscale: "Cividis", showscale: false,
        hovertemplate: "%{y} answered as %{x}: %{text}<extra></extra>",
      }],
      layout: chartLayout({
        margin: { l: 50, r: 10, t: 10, b: 40 },
        xaxis: { title: { text: "answer" }, ...emotions }, yaxis: { title: { text: "truth" }, ...emotions, autorange: "reversed" },
      }),
    }));
  }
}

async function paint(canvas, png) {
  const { levels, width, height } = await greyLevels(png);
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  levels.forEach((level, i) => image.data.set([...viridis(level / 255), 255], 4 * i));
  context.putImageData(image, 0, 0);
}

function showMasks() {
  const { pictures, lowest_hz, highest_hz, duration_s, of_several_folds } = run.masks;
  byId("masks-note").textContent = `Sums of the maps of correctly classified recordings, each divided by its maximum: R of the chosen model, R̂ of all seeds${of_several_folds ? ", either summed over the folds" : ""}. Time goes from left to right (0 to ${duration_s.toFixed(1)} s), frequency upwards (${lowest_hz.toFixed(0)} to ${highest_hz.toFixed(0)} Hz, a row for each bin of the ${run.facts.representation}); dark is 0, yellow is 1.`;
  for (const group of new Set(pictures.map((one) => one.group))) {
    for (const kind of ["R", "R̂"]) {
      const grid = element("div", { className: "masks" });
      for (const one of pictures.filter((p) => p.group === group && p.kind === kind)) {
        const canvas = element("canvas", { role: "img" });
        canvas.setAttribute("aria-label", `Mask ${kind}, ${group}, ${one.emotion}`);
        paint(canvas, one.png);
        grid.append(element("figure", {}, canvas, element("figcaption", { textContent: one.empty ? `${one.emotion} (empty)` : one.emotion })));
      }
      byId("mask-pictures").append(element("h3", {}, named(group), `: ${kind}`), grid);
    }
  }
}

function counterfactualTraces(group, sound, panel, first) {
  const rows = run.resynthesis.filter((row) => row.group === group && row.sound === sound);
  const axes = { xaxis: `x${panel}`, yaxis: `y${panel}`, x: rows.map((row) => row.threshold), showlegend: first };
  const lines = [["the map's cells", "map", "first", "circle"], ["as many random cells", "random", "second", "square"]];
  const whole = { type: "scatter", mode: "lines", name: "whole recording", legendgroup: "whole", y: rows.map((row) => row.p_explained_original), line: { dash: "dash", color: colour("faint") }, ...axes };
  return [whole, ...lines.map(([name, cells, tone, symbol]) => ({
    type: "scatter", mode: "lines+markers", name, legendgroup: cells, y: rows.map((row) => row["p_explained_" + cells]),
    line: { color: colour(tone) }, marker: { symbol, size: 9 }, ...axes,
  }))];
}

function showCounterfactual() {
  const note = byId("counterfactual-note");
  if (!run.resynthesis.length) {
    note.textContent = "Not made: the networks are not known.";
    byId("counterfactual-chart").remove();
    return;
  }
  note.textContent = `Every recording whose mean map is not zero everywhere is made anew from the marked cells alone, and from all others, and goes through the whole chain from audio to every seed's network. Cells are those where the mean map of all seeds reaches a share of its maximum; beside them stand as many random cells, in blobs of the same spectrum.`;
  const groups = [...new Set(run.resynthesis.map((row) => row.group))];
  const sounds = { only: "only the cells", without: "all but the cells" };
  fitRows(byId("counterfactual-chart"), groups.length);
  drawChart(byId("counterfactual-chart"), () => {
    const data = [], annotations = [], more = {};
    groups.forEach((group, r) => Object.entries(sounds).forEach(([sound, title], c) => {
      const n = 2 * r + c + 1, panel = n === 1 ? "" : n;
      data.push(...counterfactualTraces(group, sound, panel, n === 1));
      more[`xaxis${panel}`] = { range: [0, 1], tickvals: run.thresholds, ticktext: run.thresholds.map(settingInPercent), title: r === groups.length - 1 ? { text: "threshold" } : undefined };
      more[`yaxis${panel}`] = { range: [0, 1], title: c ? undefined : { text: "p(explained class)" } };
      annotations.push({ text: `${chartLabel(group)}: ${title}`, hovertext: plotText(group), showarrow: false, xref: `x${panel} domain`, yref: `y${panel} domain`, x: 0, y: 1.14, xanchor: "left" });
    }));
    return { data, layout: chartLayout({ ...more, annotations, legend: { orientation: "h", y: 1 + 0.32 / Math.max(2, groups.length), yanchor: "bottom" }, margin: { l: 50, r: 10, t: 70, b: 60 }, grid: { rows: groups.length, columns: 2, pattern: "independent" } }) };
  });
  const columns = ["group", "sound", "threshold", "n_recordings", "n_zero_maps", "area", "energy_ratio_map", "energy_ratio_random", "p_explained_original", "p_explained_map", "p_explained_random", "difference", "difference_low", "difference_high"];
  byId("counterfactual-sentences").append(
    tableOf(columns.map(inWords), run.resynthesis.map((row) => columns.map((name) => row[name]))),
    element("details", {}, element("summary", { textContent: "In words" }), element("ul", {}, ...run.resynthesis.map((row) => element("li", { textContent: row.sentence })))),
  );
}

function showTables() {
  const parts = [["Verdicts of the controls", run.verdicts], ["Tables", run.tables]];
  for (const [title, tables] of parts.filter(([, tables]) => tables.length)) {
    byId("table-list").append(element("h3", { textContent: title }));
    for (const table of tables) {
      byId("table-list").append(element("details", { open: table.open }, element("summary", { textContent: table.title }), tableOf(table.columns, table.rows)));
    }
  }
}

showFacts();
showAccuracy();
showConfusions();
showMasks();
showCounterfactual();
showTables();
