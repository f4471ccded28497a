"""The report in a real browser: Debian's Chromium, headless, driven as a reader would use it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_new_recordings import MEMBERS, make_new_page
from fake_report import HOSTILE, NAMES, SHOWN, make_report
from fake_views import MEL_EDGES_HZ

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install -r requirements-dev.txt")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)
# Of a machine that does other things too.
PATIENCE_S = 300


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(make_report(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        # The driver is on this machine, whatever proxy leads out of it.
        patch.setenv("NO_PROXY", "localhost,127.0.0.1")
        patch.setenv("no_proxy", "localhost,127.0.0.1")
        started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        started.command_executor.client_config.timeout = PATIENCE_S
        started.set_window_size(1600, 1000)
        yield started
        started.quit()


@pytest.fixture(scope="module")
def loaded(browser, page):
    """The page, loaded and drawn once."""
    browser.get(page.as_uri())
    wait(browser, lambda b: b.execute_script("return document.documentElement.dataset.ready") == "true")
    return browser


@pytest.fixture
def opened(loaded):
    """The page with all filters reset, and the first recording open."""
    loaded.execute_script("byId('filters').reset(); showList();")
    open_recording(loaded, "03b02Tc")
    return loaded


def wait(browser, condition):
    return WebDriverWait(browser, PATIENCE_S, 0.1).until(condition)


def names(browser) -> list[str]:
    return [button.text for button in browser.find_elements(By.CSS_SELECTOR, "#list td button")]


def shows(browser, expected: list[str]) -> None:
    """The browser tells the page of a choice after the driver has gone on."""
    WebDriverWait(browser, 20, 0.1).until(lambda b: names(b) == expected, f"{expected}, but {names(browser)}")


def open_recording(browser, name: str) -> None:
    buttons = browser.find_elements(By.CSS_SELECTOR, "#list td button")
    next(button for button in buttons if button.text == name).click()
    wait(browser, lambda b: b.find_element(By.ID, "recording-name").text == name)
    wait(browser, lambda b: b.execute_script("return document.activeElement.id") == "recording-name")


def playhead_x(browser) -> float:
    return browser.execute_script("return document.getElementById('playhead').getBoundingClientRect().left")


def test_it_opens_without_an_error_or_a_request(loaded):
    wait(loaded, lambda b: b.find_elements(By.CSS_SELECTOR, "#accuracy-chart .main-svg"))
    severe = [entry["message"] for entry in loaded.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []
    events = [json.loads(entry["message"])["message"] for entry in loaded.get_log("performance")]
    urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert any(url.startswith("file:") for url in urls)
    # The browser's own first page is chrome:.
    assert [url for url in urls if not url.startswith(("file:", "data:", "blob:", "about:", "chrome:"))] == []


def test_names_are_shown_as_text(opened):
    assert SHOWN in names(opened)
    open_recording(opened, SHOWN)
    assert opened.execute_script("return window.hacked") is None
    assert SHOWN in opened.find_element(By.ID, "facts").text
    assert opened.find_element(By.ID, "recording-facts").text.startswith(f"fear, female, speaker <s, text {SHOWN}, ")
    assert opened.find_elements(By.CSS_SELECTOR, "img[src=x]") == []


def test_a_recording_without_a_text_is_told_without_one(opened):
    open_recording(opened, "03b02Tc")
    assert opened.find_element(By.ID, "recording-facts").text.startswith("sadness, male, speaker 03, ")
    assert "text" not in opened.find_element(By.ID, "recording-facts").text


def test_thresholds_have_all_their_decimals(loaded):
    shown = loaded.execute_script("return [0.125, 0.07, 0.25, 0.254].map(settingInPercent)")
    assert shown == ["12.5 %", "7 %", "25 %", "25.4 %"]
    ticks = "return document.getElementById('counterfactual-chart').layout.xaxis.ticktext"
    assert wait(loaded, lambda browser: browser.execute_script(ticks)) == ["50 %"]


def test_the_list_is_searched_filtered_and_sorted(opened):
    assert set(names(opened)) == {name.replace(HOSTILE, SHOWN) for name, _, _ in NAMES}
    open_recording(opened, "08a01Wa")
    opened.find_element(By.ID, "search").send_keys("03b02")
    shows(opened, ["03b02Tc"])
    # Pressing it takes the focus from the search.
    open_recording(opened, "03b02Tc")
    assert opened.find_element(By.ID, "count").text == "1 of 3 recordings"
    opened.find_element(By.ID, "search").send_keys(*[Keys.BACKSPACE] * 5)
    Select(opened.find_element(By.ID, "filter-group")).select_by_value("female")
    shows(opened, [SHOWN, "08a01Wa"])
    Select(opened.find_element(By.ID, "filter-correct")).select_by_value("false")
    shows(opened, [SHOWN])
    Select(opened.find_element(By.ID, "filter-group")).select_by_value("")
    Select(opened.find_element(By.ID, "filter-correct")).select_by_value("")
    Select(opened.find_element(By.ID, "sort")).select_by_value("q_rmse")
    Select(opened.find_element(By.ID, "order")).select_by_value("-1")
    shows(opened, ["03b02Tc", SHOWN, "08a01Wa"])


def test_an_opened_recording_plays_by_keyboard_and_the_playhead_moves(opened):
    audio = opened.find_element(By.ID, "audio")
    wait(opened, lambda b: b.execute_script("return document.getElementById('audio').readyState") >= 2)
    duration = opened.execute_script("return document.getElementById('audio').duration")
    # 39 frames of 512 / 16600 s; an encoder that pads is told by the header what to cut off.
    assert duration == pytest.approx(39 * 512 / 16600, abs=0.08)
    before = playhead_x(opened)
    audio.send_keys(Keys.SPACE)
    wait(opened, lambda b: playhead_x(b) > before + 20)
    opened.execute_script("document.getElementById('audio').pause()")
    opened.execute_script("document.getElementById('audio').currentTime = 0.5")
    left, width = opened.execute_script(
        "const p = document.getElementById('picture'), a = p._fullLayout.xaxis;"
        "return [p.getBoundingClientRect().left + a._offset, a._length / a.range[1]]"
    )
    wait(opened, lambda b: abs(playhead_x(b) - (left + 0.5 * width)) < 2)


def test_sounds_change_with_the_choice(opened):
    first = opened.execute_script("return document.getElementById('audio').src")
    opened.find_element(By.CSS_SELECTOR, "input[value=only]").click()
    second = opened.execute_script("return document.getElementById('audio').src")
    opened.find_element(By.CSS_SELECTOR, "input[value=without]").click()
    third = opened.execute_script("return document.getElementById('audio').src")
    assert len({first, second, third}) == 3


def test_the_slider_and_the_choice_of_map_change_the_picture(opened):
    picture = opened.find_element(By.ID, "picture")

    def look() -> bytes:
        # Only what lies inside the window is seen.
        opened.execute_script("arguments[0].scrollIntoView()", picture)
        return picture.screenshot_as_png

    before = look()
    slider = opened.find_element(By.ID, "strength")
    slider.send_keys(*[Keys.ARROW_LEFT] * 16)
    assert opened.execute_script("return document.getElementById('picture').data[1].opacity") == 0
    without_map = look()
    assert without_map != before
    slider.send_keys(*[Keys.ARROW_RIGHT] * 16)
    maps = Select(opened.find_element(By.ID, "layer"))
    assert [option.text for option in maps.options] == [
        *("mean of all seeds", "spread over seeds", "seed 0 (chosen)", "seed 1", "seed 4"),
    ]
    maps.select_by_value("4")
    assert look() not in (before, without_map)


def test_bins_reach_from_edge_to_edge(opened):
    look = (
        "const picture = byId('picture'), heatmap = picture.data[0], axis = picture._fullLayout.yaxis3;"
        "return [heatmap.y.length, heatmap.z.length, axis.range, heatmap.y[0], heatmap.y.at(-1), axis.title.text]"
    )
    for name, lowest_hz in (("03b02Tc", 31.77), (SHOWN, MEL_EDGES_HZ[1] / 2)):
        open_recording(opened, name)
        wait(opened, lambda b, hz=lowest_hz: b.execute_script(look)[3] == pytest.approx(hz, abs=0.01))
        n_edges, n_bins, axis_range, lowest, highest, title = opened.execute_script(look)
        assert (n_edges, n_bins, title) == (97, 96, "CQT-96 and map (Hz)")
        assert axis_range == pytest.approx(np.log10([lowest, highest]))


def test_labels_are_written_where_they_fit(opened):
    texts = "return [...document.querySelectorAll('#picture .textpoint')].map(e => e.textContent)"

    def written(browser) -> list[str]:
        return [text for text in browser.execute_script(texts) if text.strip()]

    wait(opened, lambda b: written(b) == ["ab", "a", "<b>", "t"])
    for end_s, expected in ((42, ["ab", "a"]), (1.2, ["ab", "a", "<b>", "t"])):
        opened.execute_script("Plotly.relayout(byId('picture'), {'xaxis.range': [0, arguments[0]]})", end_s)
        wait(opened, lambda b, expected=expected: written(b) == expected)
    hovered = "return document.getElementById('picture').data.find(t => t.meta === 'phones').hovertext"
    assert opened.execute_script(hovered) == ["a", "&lt;b&gt;", "asp", "t"]
    assert opened.find_element(By.ID, "recording-syllables").text == "ab"


def test_without_labels_there_is_no_strip_for_them(opened):
    look = (
        "const layout = byId('picture')._fullLayout;"
        "return [layout.yaxis2.visible, ...layout.yaxis3.domain, byId('labels-note').hidden]"
    )
    # The sound's panel begins at 0.9 of the picture's height.
    assert opened.execute_script(look) == [True, 0.42, 0.79, False]
    open_recording(opened, SHOWN)
    wait(opened, lambda b: b.execute_script(look) == [False, 0.42, 0.885, True])
    assert not opened.find_element(By.ID, "recording-syllables").is_displayed()


def test_seeds_of_equal_accuracy_are_seen_beside_one_another(loaded):
    wait(loaded, lambda b: b.find_elements(By.CSS_SELECTOR, "#accuracy-chart .main-svg"))
    centres = loaded.execute_script(
        "return [...document.querySelectorAll('#accuracy-chart .point')]"
        ".map(p => p.getBoundingClientRect()).map(r => [r.x + r.width / 2, r.y + r.height / 2])"
    )
    assert len(centres) == 2 * 3
    apart = [np.hypot(a[0] - b[0], a[1] - b[1]) for i, a in enumerate(centres) for b in centres[:i]]
    assert min(apart) > 10
    labels = "return [...document.querySelectorAll('#accuracy-chart .ytick text')].map(t => t.textContent)"
    assert loaded.execute_script(labels) == ["female", "male"]


def test_what_charts_of_the_models_show_is_text_too(loaded):
    """For those who read by ear, and to be copied."""
    read = """const own = [...document.querySelectorAll("#" + arguments[0] + " ~ details")];
    return own.filter((part) => part.querySelector("table")).map((part) => [part.querySelector("summary").textContent,
        [...part.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent))]);"""
    matrices = loaded.execute_script(read, "confusions")
    expected = loaded.execute_script("return run.confusions")
    emotions = loaded.execute_script("return run.emotions")
    assert len(matrices) == len(expected) > 0
    for (title, rows), own in zip(matrices, expected, strict=True):
        assert title.startswith(f"Confusion matrix, {own['group']}, {own['models']}: ")
        assert rows == [[emotion, *map(str, row)] for emotion, row in zip(emotions, own["counts"], strict=True)]
    [(_, seeds), *_] = loaded.execute_script(read, "accuracy-chart")
    accuracies = loaded.execute_script("return run.accuracies")
    assert [row[2] for row in seeds] == [f"{100 * value:.1f} %" for own in accuracies for value in own["accuracy"]]


def test_confusion_matrices_have_a_heading_that_wraps_and_room_for_long_and_many_emotions(loaded):
    headings = "return [...document.querySelectorAll('#confusions h3')].map(h => h.textContent)"
    expected = loaded.execute_script("return run.confusions.map(own => `${own.group}, ${own.models}`)")
    assert loaded.execute_script(headings) == expected
    assert loaded.execute_script("return chartLabel('a'.repeat(10) + 'b'.repeat(20))") == "aaaaaaa…bbbbbb"
    assert loaded.execute_script("return chartLabel('fourteen letter')") == "fourtee…letter"
    assert loaded.execute_script("return chartLabel('13 of letters')") == "13 of letters"
    # 1.5 rem of 16 pixels for each emotion above six.
    height = (
        "const all = byId('confusions'), before = all.style.cssText; all.style.setProperty('--emotions', arguments[0]);"
        "const height = all.querySelector('.chart').clientHeight; all.style.cssText = before; return height"
    )
    assert [loaded.execute_script(height, count) for count in (6, 20)] == [336, 672]


def test_charts_are_as_high_as_their_rows_need(loaded):
    fit = (
        "const node = byId('counterfactual-chart'), before = node.clientHeight; fitRows(node, arguments[0]);"
        "const after = node.clientHeight; node.style.height = ''; return after / before"
    )
    ratios = [loaded.execute_script(fit, count) for count in (1, 2, 5)]
    assert ratios == pytest.approx([1, 1, 2.5], rel=0.01)


def test_metrics_stand_beside_their_controls_and_the_round_trip_is_stated(opened):
    tables = opened.find_element(By.ID, "recording-tables").text
    assert "Metrics beside their controls\nmetric control p\nq rmse time shift 0.01" in tables
    assert "ratio of 300 dB" in opened.find_element(By.ID, "round-trip").text


def test_verdicts_are_summed_up_and_the_rest_is_folded(loaded):
    folded = "return [...document.querySelectorAll('#table-list details')].map(d => [d.firstChild.textContent, d.open])"
    assert loaded.execute_script(folded)[:2] == [["verdicts: summary", True], ["verdicts: all", False]]


@pytest.mark.parametrize("width", [400, 1600])
def test_it_fits(opened, width):
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        wait(opened, lambda b: b.execute_script("return innerWidth") == width)
        chart = "return document.querySelector('#picture .main-svg').getBoundingClientRect().width"
        wait(opened, lambda b: 0.8 * width > 1000 or b.execute_script(chart) <= width)
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width
        wide = opened.execute_script(
            "return [...document.querySelectorAll('main *')]"
            ".filter(e => !e.closest('.scroll') && !e.closest('svg'))"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.tagName + '#' + e.id)"
        )
        assert wide == []
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_it_fits_and_is_light(opened):
    ink = "return document.querySelector('#picture .xtick text').style.fill"
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    try:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [dark]})
        metrics = {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wait(opened, lambda b: b.execute_script(ink) == "rgb(232, 234, 238)")
        widths = "[...document.querySelectorAll('.main-svg')].map((chart) => chart.getBoundingClientRect().width)"
        wait(opened, lambda b: max(b.execute_script(f"return {widths}")) > 1000)
        # At once, as the paper is made. A4 has 718 px between margins.
        printed = opened.execute_script(f"dispatchEvent(new Event('beforeprint')); return {widths}")
        assert 600 < max(printed) <= 718
        wait(opened, lambda b: b.execute_script(ink) == "rgb(27, 30, 35)")
        opened.execute_script("dispatchEvent(new Event('afterprint'))")
        wait(opened, lambda b: b.execute_script(ink) == "rgb(232, 234, 238)")
        wait(opened, lambda b: max(b.execute_script(f"return {widths}")) > 1000)
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_all_is_unfolded_on_paper_and_folded_again_after_it(loaded):
    are_open = "return [...document.querySelectorAll('details')].map((part) => part.open)"
    before = loaded.execute_script(are_open)
    assert {True, False} <= set(before)
    # A second one may come before what ends the first.
    for _ in range(2):
        loaded.execute_script("dispatchEvent(new Event('beforeprint'))")
        assert all(loaded.execute_script(are_open))
    loaded.execute_script("dispatchEvent(new Event('afterprint'))")
    assert loaded.execute_script(are_open) == before


def test_new_recordings_are_searched_opened_and_heard_as_text(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(make_new_page(), encoding="utf-8")
    browser.get(path.as_uri())
    wait(browser, lambda b: b.execute_script("return document.documentElement.dataset.ready") == "true")
    assert browser.find_element(By.ID, "headline").text.endswith("2 more recordings are in the tables only.")
    assert set(names(browser)) == {"new", SHOWN}
    Select(browser.find_element(By.ID, "filter-disagree")).select_by_value("false")
    shows(browser, [SHOWN])
    open_recording(browser, SHOWN)
    assert browser.execute_script("return window.hacked") is None
    Select(browser.find_element(By.ID, "filter-disagree")).select_by_value("true")
    shows(browser, ["new"])
    open_recording(browser, "new")
    assert browser.find_element(By.ID, "recording-facts").text.startswith(
        "anger 0.63 (0.20 to 0.90), 2 of 3 models agree: female 1 of 2, male 1 of 1; "
    )
    layers = [option.text for option in Select(browser.find_element(By.ID, "layer")).options]
    assert layers == ["mean of all models", "spread over models", *map(str, MEMBERS)]
    tables = browser.find_element(By.ID, "recording-tables").text
    assert "all together anger 3 2 0.633" in tables
    assert "q rmse" in tables
    wait(browser, lambda b: b.execute_script("return document.getElementById('audio').readyState") >= 2)
    first = browser.execute_script("return document.getElementById('audio').src")
    browser.find_element(By.CSS_SELECTOR, "input[value=only]").click()
    assert browser.execute_script("return document.getElementById('audio').src") != first
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
