// Of maps that others made nobody knows what their models answered.
const answersAreKnown = run.accuracies.length > 0;
const metricNames = list.length ? Object.keys(list[0].metrics) : [];

function fillFilters() {
  for (const name of ["group", "emotion", "speaker"]) {
    const values = [...new Set(list.map((one) => one[name]))].sort();
    fillSelect(byId(`filter-${name}`), [["", "all"], ...values.map((value) => [value, value])]);
  }
  fillSelect(byId("filter-correct"), [["", "all"], ["true", "right"], ["false", "wrong"]]);
  byId("filter-correct").parentElement.hidden = !answersAreKnown;
  const bySeeds = answersAreKnown ? [["seeds_correct", "seeds that are right"]] : [];
  fillSelect(byId("sort"), [["recording", "name"], ...bySeeds, ...metricNames.map((name) => [name, inWords(name)])]);
}

function isWanted(one) {
  const text = byId("search").value.trim().toLowerCase();
  const fits = ["group", "emotion", "speaker", "correct"].every((name) => {
    const wanted = byId(`filter-${name}`).value;
    return !wanted || String(one[name]) === wanted;
  });
  return fits && [one.recording, one.text, one.speaker, one.emotion, one.group].some((part) => part.toLowerCase().includes(text));
}

const sortValue = (one, key) => (key in one.metrics ? one.metrics[key] : one[key]);

// Recordings without a value come last in either order.
function compare(a, b, key, order) {
  const [x, y] = [sortValue(a, key), sortValue(b, key)];
  if (x === null || y === null) return (x === null) - (y === null);
  return order * (typeof x === "string" ? x.localeCompare(y) : x - y) || a.recording.localeCompare(b.recording);
}

function wantedRecordings() {
  const key = byId("sort").value, order = Number(byId("order").value);
  return list.filter(isWanted).sort((a, b) => compare(a, b, key, order));
}

function showList() {
  const found = wantedRecordings();
  const key = byId("sort").value;
  const metric = metricNames.includes(key) ? key : metricNames[0];
  const answers = answersAreKnown ? ["chosen model", "seeds right"] : [];
  showRows(
    found,
    ["recording", "emotion", inWords(metric), ...answers, "group", "speaker"],
    (one) => {
      const own = answersAreKnown ? [one.correct ? "right" : "wrong", `${one.seeds_correct} of ${one.seeds}`] : [];
      return [one.recording, one.emotion, one.metrics[metric], ...own, one.group, one.speaker];
    },
  );
}

function controlsTable({ columns, rows }) {
  const ours = columns.map((name) => ["metric", "control", "better"].includes(name));
  return tableOf(columns.map(inWords), rows.map((row) => row.map((value, i) => (ours[i] && value ? inWords(value) : value))));
}

function showFactsOf(one, details) {
  byId("recording-name").textContent = one.recording;
  const answered = answersAreKnown ? ` The chosen model is ${one.correct ? "right" : "wrong"}; ${one.seeds_correct} of ${one.seeds} seeds are right.` : "";
  const outcome = `, ${details.duration_s.toFixed(2)} s.${answered}`;
  const text = one.text ? [", text ", named(one.text)] : [];
  byId("recording-facts").replaceChildren(named(one.emotion), ", ", named(one.group), ", speaker ", named(one.speaker), ...text, outcome);
  const seeds = details.seeds.map((seed, i) => [i + 3, `seed ${seed}${i === details.chosen ? " (chosen)" : ""}`]);
  fillSelect(byId("layer"), [[1, "mean of all seeds"], [2, "spread over seeds"], ...seeds]);
  byId("layer").value = state.layer;
  byId("labels-note").hidden = !hasLabels(details);
  byId("recording-syllables").hidden = !details.syllables.length;
  byId("recording-syllables").textContent = details.syllables.map(([, , name]) => name).filter((name) => /\p{L}/u.test(name)).join(" · ");
  const metrics = tableOf(["metric", "chosen", "mean", "lowest", "highest"], details.metrics.map((row) => [inWords(row.metric), row.chosen, row.mean, row.lowest, row.highest]));
  const answers = tableOf(["seed", "answer", "p of truth"], details.answers.map((row) => [row.seed, row.predicted, row.p_truth]));
  const parts = [["Metrics", metrics]];
  if (details.answers.length) parts.push(["Answers of the seeds", answers]);
  if (details.controls.rows.length) parts.push(["Metrics beside their controls", controlsTable(details.controls)]);
  showTablesOf(parts);
}

begin();
