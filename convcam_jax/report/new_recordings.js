function fillFilters() {
  showPairs(byId("facts"), run.facts);
  byId("headline").textContent = run.headline;
  fillSelect(byId("filter-disagree"), [["", "all"], ["true", "disagree"], ["false", "agree"]]);
}

const disagree = (one) => one.agreeing < one.models;

function wantedRecordings() {
  const text = byId("search").value.trim().toLowerCase(), wanted = byId("filter-disagree").value;
  return list.filter((one) => (!wanted || String(disagree(one)) === wanted) && [one.recording, one.predicted].some((part) => part.toLowerCase().includes(text)));
}

function showList() {
  showRows(
    wantedRecordings(),
    ["recording", "answer", "mean probability", "lowest", "highest", "models that agree", "duration (s)"],
    (one) => [one.recording, one.predicted, one.mean, one.lowest, one.highest, `${one.agreeing} of ${one.models}`, one.duration_s],
  );
}

function showFactsOf(one, details) {
  byId("recording-name").textContent = one.recording;
  const outcome = `; ${one.duration_s.toFixed(2)} s long. ${disagree(one) ? "The models disagree" : "All models give this answer"}; the maps of all models are of `;
  byId("recording-facts").replaceChildren(named(one.words), outcome, named(one.predicted), ".");
  fillSelect(byId("layer"), [[1, "mean of all models"], [2, "spread over models"], ...details.models.map((name, i) => [i + 3, name])]);
  byId("layer").value = state.layer;
  byId("labels-note").hidden = true;
  byId("recording-syllables").hidden = true;
  showTablesOf(details.tables.map(({ title, columns, rows }) => [title, tableOf(columns, rows)]));
}

begin();
