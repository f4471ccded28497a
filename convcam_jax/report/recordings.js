const list = readData("data-list");
const metricNames = list.length ? Object.keys(list[0].metrics) : [];
const state = { open: null, layer: 1, strength: 0.8, threshold: run.thresholds[0] };
let opened = null;

function fillSelect(node, pairs) {
  node.replaceChildren(...pairs.map(([value, text]) => element("option", { value, textContent: text })));
}

function fillFilters() {
  for (const name of ["group", "emotion", "speaker"]) {
    const values = [...new Set(list.map((one) => one[name]))].sort();
    fillSelect(byId(`filter-${name}`), [["", "all"], ...values.map((value) => [value, value])]);
  }
  fillSelect(byId("filter-correct"), [["", "all"], ["true", "right"], ["false", "wrong"]]);
  fillSelect(byId("sort"), [["recording", "name"], ["seeds_correct", "seeds that are right"], ...metricNames.map((name) => [name, inWords(name)])]);
  fillSelect(byId("threshold"), run.thresholds.map((value, i) => [i, `${Math.round(100 * value)} %`]));
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
  const table = tableOf(
    ["recording", "emotion", inWords(metric), "chosen model", "seeds right", "group", "speaker"],
    found.map((one) => [one.recording, one.emotion, one.metrics[metric], one.correct ? "right" : "wrong", `${one.seeds_correct} of ${one.seeds}`, one.group, one.speaker]),
  ).firstChild;
  found.forEach((one, i) => {
    const row = table.tBodies[0].rows[i];
    row.className = one.recording === state.open ? "open" : "";
    row.cells[0].replaceChildren(element("button", { type: "button", textContent: one.recording, onclick: () => openRecording(one.recording) }));
  });
  byId("list").replaceChildren(table);
  byId("count").textContent = `${found.length} of ${list.length} recordings`;
}

function fitPicture() {
  movePlayhead();
  return fitLabels(byId("picture"), opened.details);
}

async function drawPicture() {
  const picture = byId("picture");
  const isFirst = !picture.data;
  await drawChart(picture, () => panelsOf(opened.details, opened.layers, state), fitPicture);
  if (isFirst) picture.on("plotly_relayout", fitPicture);
}

function showSound(keepPlace) {
  const kind = document.querySelector("input[name=sound]:checked").value;
  loadSound(chosenSound(opened.details.sounds, kind, Number(byId("threshold").value)), keepPlace);
}

function controlsTable({ columns, rows }) {
  const ours = columns.map((name) => ["metric", "control", "better"].includes(name));
  return tableOf(columns.map(inWords), rows.map((row) => row.map((value, i) => (ours[i] && value ? inWords(value) : value))));
}

function showFactsOf(one, details) {
  byId("recording-name").textContent = one.recording;
  const outcome = `, ${details.duration_s.toFixed(2)} s. The chosen model is ${one.correct ? "right" : "wrong"}; ${one.seeds_correct} of ${one.seeds} seeds are right.`;
  byId("recording-facts").replaceChildren(named(one.emotion), ", ", named(one.group), ", speaker ", named(one.speaker), ", text ", named(one.text), outcome);
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
  byId("recording-tables").replaceChildren(...parts.map(([title, table]) => element("div", {}, element("h4", { textContent: title }), table)));
}

async function openRecording(name, focus = true) {
  const index = list.findIndex((one) => one.recording === name);
  if (index < 0) return;
  audio.pause();
  state.open = name;
  const details = readData(`data-recording-${index}`);
  const layers = await readLayers(details);
  if (state.open !== name) return;
  state.layer = Math.min(state.layer, layers.length - 1);
  opened = { details, layers };
  byId("recording").hidden = false;
  showFactsOf(list[index], details);
  showList();
  showSound(false);
  await drawPicture();
  history.replaceState(null, "", `#recording=${encodeURIComponent(name)}`);
  if (focus) byId("recording-name").focus();
}

function step(by) {
  const found = wantedRecordings();
  if (!found.length) return;
  const place = found.findIndex((one) => one.recording === state.open);
  openRecording(found[(place + by + found.length) % found.length].recording, false);
}

function listenToControls() {
  // Not every browser says "input" when a choice is made in a list.
  for (const event of ["input", "change"]) byId("filters").addEventListener(event, showList);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("layer").addEventListener("change", (event) => { state.layer = Number(event.target.value); drawPicture(); });
  byId("strength").addEventListener("input", (event) => {
    state.strength = Number(event.target.value);
    Plotly.restyle(byId("picture"), { opacity: state.strength }, [MAP_TRACE]);
  });
  byId("listening").addEventListener("change", () => showSound(true));
  byId("threshold").addEventListener("change", (event) => { state.threshold = run.thresholds[Number(event.target.value)]; drawPicture(); });
  byId("picture").addEventListener("click", (event) => {
    const axis = byId("picture")._fullLayout.xaxis;
    const x = event.clientX - byId("picture").getBoundingClientRect().left - axis._offset;
    const [from, to] = axis.range;
    if (x >= 0 && x <= axis._length) audio.currentTime = Math.min(audio.duration, from + (x / axis._length) * (to - from));
  });
}

async function begin() {
  fillFilters();
  showList();
  listenToControls();
  const wanted = location.hash.match(/^#recording=(.*)$/);
  const first = wanted ? decodeURIComponent(wanted[1]) : (wantedRecordings()[0] || {}).recording;
  await openRecording(first, Boolean(wanted));
  document.documentElement.dataset.ready = "true";
}

begin();
