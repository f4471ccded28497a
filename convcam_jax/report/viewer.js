// One recording opened: its panels, its sounds, and going from one to the next. What stands in the list, and what is
// told of a recording, is another script's: fillFilters, showList, wantedRecordings, showFactsOf.
const list = readData("data-list");
const state = { open: null, layer: 1, strength: 0.8, threshold: run.thresholds[0] };
let opened = null;

function fillSelect(node, pairs) {
  node.replaceChildren(...pairs.map(([value, text]) => element("option", { value, textContent: text })));
}

// The recordings `found`, a row for each, whose first cell opens it.
function showRows(found, columns, cells) {
  const table = tableOf(columns, found.map(cells)).firstChild;
  found.forEach((one, i) => {
    const row = table.tBodies[0].rows[i];
    row.className = one.recording === state.open ? "open" : "";
    row.cells[0].replaceChildren(element("button", { type: "button", textContent: one.recording, onclick: () => openRecording(one.recording) }));
  });
  byId("list").replaceChildren(table);
  byId("count").textContent = `${found.length} of ${list.length} recordings`;
}

// Tables with their titles, below the panels.
function showTablesOf(parts) {
  byId("recording-tables").replaceChildren(...parts.map(([title, table]) => element("div", {}, element("h4", { textContent: title }), table)));
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
  // One that is not in the list is in front of it, and behind it.
  const from = place < 0 && by < 0 ? 0 : place;
  openRecording(found[(from + by + found.length) % found.length].recording, false);
}

function listenToControls() {
  byId("filters").addEventListener("input", showList);
  // Not every browser says "input" when a choice is made in a list. A search field says "change" when it is left, by
  // pressing a button of the list perhaps, which must not go meanwhile.
  byId("filters").addEventListener("change", (event) => { if (event.target.matches("select")) showList(); });
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
  fillSelect(byId("threshold"), run.thresholds.map((value, i) => [i, settingInPercent(value)]));
  byId("round-trip").textContent = `With all cells marked the sound is the recording again, to a signal-to-noise ratio of ${Math.floor(run.snr_db)} dB or more, before it is rounded to 16 bits (wav files) or made MP3 (this page).`;
  showList();
  listenToControls();
  const wanted = location.hash.match(/^#recording=(.*)$/);
  const first = wanted ? decodeURIComponent(wanted[1]) : (wantedRecordings()[0] || {}).recording;
  await openRecording(first, Boolean(wanted));
  document.documentElement.dataset.ready = "true";
}
