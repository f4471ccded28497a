"""The pages of docs/ as a site, with the notebooks executed, and what is kept of notebooks."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import PROJECT_DIR, environment

from docs import page_tables, regenerate

DOCS = PROJECT_DIR / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
# A link to a file: [words](path#heading).
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.parametrize("path", sorted([*PROJECT_DIR.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda path: path.name)
def test_links_of_pages_lead_to_files_of_the_checkout(path):
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_nothing_is_told_twice_in_the_same_words():
    pages = [line for page in DOCS.glob("*.md") for line in page.read_text(encoding="utf-8").splitlines()]
    # Code is indented, or short.
    prose = [line for line in pages if len(line) > 100 and not line.startswith((" ", "maps = "))]
    assert len(prose) > 500
    assert {line for line in prose if prose.count(line) > 1} == set()


def test_every_page_and_notebook_is_in_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in (*DOCS.glob("*.md"), *NOTEBOOKS)]
    assert len(NOTEBOOKS) >= 3
    assert {page for page in pages if not re.search(rf"^{page}$", index, re.MULTILINE)} == {"index"}


def test_every_table_of_a_page_that_is_marked_can_be_made_again():
    pages = [path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")]
    marked = [(found[2], found[3]) for page in pages for found in regenerate.BLOCK.finditer(page)]
    assert sorted(marked) == sorted(regenerate.MAKERS)
    pictures = {picture for of_run in regenerate.PICTURES.values() for picture in of_run}
    assert {path.stem for path in (DOCS / "images").glob("*.png")} >= pictures


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_what_pages_say_of_the_code_is_what_it_says(path):
    page = path.read_text(encoding="utf-8")
    is_up_to_date = regenerate.regenerated(page, {regenerate.CODE: []}) == page
    assert is_up_to_date, f"run python -m docs.regenerate, which makes the tables of docs/{path.name} again"


def write_table(run: Path, name: str, text: str) -> None:
    """A table of a run, as its file's text."""
    (run / "tables").mkdir(exist_ok=True)
    (run / "tables" / f"{name}.csv").write_text(text, encoding="utf-8")


def test_tables_are_made_again_from_a_run_and_nothing_else_is_touched(tmp_path):
    write_table(
        tmp_path,
        "accuracy",
        "level,group,fold,speaker,measure,mean,seeds_low,seeds_high,chosen,seeds\n"
        "group,female,all,all,accuracy,63.54,60.51,66.58,62.5,10\n"
        "speaker,female,all,08,accuracy,10,10,10,10,10\n"
        "all,all,all,all,accuracy,10,10,10,10,10\n"
        "group,female,all,all,uar,20,20,20,20,10\n",
    )
    (tmp_path / "controls.csv").write_text(
        "level,group,metric,control,observed,mask_area,control_mean\n"
        + "".join(
            f"group,male,energy_ratio,{control},0.69,0.3,{mean}\n"
            for control, mean in zip(page_tables._CONTROLS, (0.3, 0.66, 0.3, 0.51, 0.99), strict=True)
        )
        + "group,male,q_rmse,time_shift,0.1,0.3,0.1\nemotion,male,energy_ratio,time_shift,0.1,0.3,0.1\n"
    )
    page = (
        "a\n<!-- from emodb: accuracy -->\nold\n<!-- end -->\nb\n<!-- from evidence: methods -->\nold\n<!-- end -->\n"
    )
    made = regenerate.regenerated(page + "<!-- from emodb: energy -->\n<!-- end -->", {"emodb": [tmp_path]})
    assert made == (
        "a\n<!-- from emodb: accuracy -->\n|  | mean of 10 seeds (95 % interval) | model chosen on validation |\n"
        "|---|---|---|\n| female | 63.5 % (60.5 to 66.6) | 62.5 % |\n<!-- end -->\n"
        "b\n<!-- from evidence: methods -->\nold\n<!-- end -->\n<!-- from emodb: energy -->\n"
        "| energy inside the mask, chosen models | observed | random blobs | moved in time | moved in frequency | "
        "regardless of emotion | strongest cells |\n|---|---|---|---|---|---|---|\n"
        "| male | 69 % on 30 % of the area | 30 % | 66 % | 30 % | 51 % | 99 % |\n<!-- end -->"
    )


def test_the_command_of_the_page_makes_tables_and_leaves_the_rest():
    """With a run that no block names."""
    pages = {page: page.read_bytes() for page in regenerate.DOCS.glob("*.md")}
    arguments = [sys.executable, "-m", "docs.regenerate", "--run=nothing=nowhere"]
    subprocess.run(arguments, cwd=PROJECT_DIR, env=environment(), check=True, timeout=120)
    assert {page: page.read_bytes() for page in pages} == pages


def test_scores_of_unknown_speakers_are_those_of_all_groups_together(tmp_path):
    write_table(
        tmp_path,
        "accuracy",
        "level,measure,mean,speakers_low,speakers_high,n_speakers,n_recordings\n"
        "group,accuracy,10,10,10,5,50\nall,accuracy,75.46,66.63,84.3,10,485\n"
        "group,uar,10,10,10,5,50\nall,uar,74.14,64.5,83.77,10,485\n",
    )
    expected = "  accuracy 75.5 % (66.6 to 84.3), UAR 74.1 % (64.5 to 83.8); 485 recordings of 10 speakers"
    assert page_tables.unknown_speakers(tmp_path) == expected


def test_compared_networks_stand_with_their_groups(tmp_path):
    counts = "".join(f",table{n}_above_chance,table{n}_cells" for n in (3, 4, 5))
    gains = ",deletion_over_random,deletion_over_energy,insertion_over_random,insertion_over_energy"
    write_table(
        tmp_path,
        "networks",
        "run,group,node_rows,node_columns,accuracy,accuracy_low,accuracy_high,zero_maps"
        f"{counts},seed_agreement{gains}\n"
        "simplenet-cqt,female,90,47,65,62.5,67.54,0.061,1,6,2,5,0,6,0.25,0.1,-0.125,0.2,\n",
    )
    assert page_tables.networks_table(tmp_path).splitlines()[2:] == [
        "| simplenet | female | 90 x 47 | 65.0 % (62.5 to 67.5) | 6.1 % | 3 of 17 | 0.25 | 0.10 | -0.12 | 0.20 | nan |"
    ]


def test_what_parts_of_a_training_bring_stands_for_all_groups_with_the_whole_training_last(tmp_path):
    ends = ("", "_low", "_high")
    columns = ",".join(f"{name}{end}" for name in ("accuracy", "accuracy_gain", "loss", "loss_gain") for end in ends)
    write_table(
        tmp_path,
        "training_ablation",
        f"without,group,{columns}\n"
        "mixup,female,9,9,9,9,9,9,9,9,9,9,9,9\n"
        "as_given,all,0.8125,0.8,0.82,,,,0.5,0.4,0.6,,,\n"
        "gain,all,0.82,0,1,-0.0075,-0.02,0.005,0.5,0,1,0.0004,-0.01,0.01\n"
        "mixup,all,0.75,0,1,0.0625,0.05,0.07,0.75,0,1,-0.25,-0.3,-0.2\n",
    )
    assert page_tables.gains_of_parts(tmp_path).splitlines()[2:] == [
        "| `mixup` | 75.0 % | +6.2 (+5.0 to +7.0) | 0.750 | -0.250 (-0.300 to -0.200) |",
        "| `gain` | 82.0 % | -0.8 (-2.0 to +0.5) | 0.500 | +0.000 (-0.010 to +0.010) |",
        "| nothing | 81.2 % |  | 0.500 |  |",
    ]


def test_thresholds_stand_by_cue_and_method_with_what_is_beyond_the_levels(tmp_path):
    write_table(
        tmp_path,
        "evidence_thresholds",
        "variant,unit,what,method,placement,threshold,threshold_low,threshold_high,threshold_is\n"
        "f0,semitones,learned,none,none,1.234,1,inf,measured\n"
        "f0,semitones,found,gradcam,stretched,3,3,3,measured\n"
        "f0,semitones,found,gradcam,receptive_field,inf,2,inf,above\n"
        "f0,semitones,found,rise,none,inf,inf,inf,above\n"
        "burst,dB,learned,none,none,-15,-15,-9,at most\n"
        "burst,dB,found,gradcam,receptive_field,-9,-12,-6,measured\n"
        "burst,dB,found,rise,none,9,-3,9,measured\n",
    )
    assert page_tables.thresholds_table(tmp_path).splitlines() == [
        "| cue | unit | networks learn | gradcam | rise |",
        "|---|---|---|---|---|",
        "| f0 | semitones | 1.23 (1 to ∞) | > 5 (2 to ∞) | > 5 |",
        "| burst | dB | ≤ -15 (-15 to -9) | -9 (-12 to -6) | 9 (-3 to 9) |",
    ]


def test_methods_stand_with_their_mean_where_there_are_several_cues(tmp_path):
    head, rest = "method,placement,source", "planted_mean,above_chance"
    write_table(
        tmp_path,
        "evidence_methods",
        f"{head},f0,pause,{rest}\nrise,none,network,0.5,0.25,0.375,2\nnone,none,energy,0.125,0.1,0.1125,\n"
        "rise,none,random_weights,0.1,0.1,0.1,\n",
    )
    assert page_tables.evidence_table(tmp_path).splitlines() == [
        "| method | placement | f0 | pause | mean of planted |",
        "|---|---|---|---|---|",
        "| rise | none | 0.50 | 0.25 | 0.38 |",
        "| the input's energy | none | 0.12 | 0.10 | 0.11 |",
    ]
    write_table(tmp_path, "evidence_methods", f"{head},f0,{rest}\nrise,none,network,0.5,0.5,2\n")
    assert page_tables.evidence_table(tmp_path).splitlines()[0] == "| method | placement | f0 |"


def write_entrant(run: Path, experiment: str, methods: str, verdicts: str, members: str) -> Path:
    """What the leaderboard reads of a run, whose cues are f0 and gap."""
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"config": {"experiment": experiment}}), encoding="utf-8")
    write_table(run, "evidence_methods", "method,placement,source,f0,gap,planted_mean,above_chance\n" + methods)
    write_table(run, "evidence_verdicts", "variant,method,placement,verdict\n" + verdicts)
    (run / "evidence_members.csv").write_text("variant,group,seed,test_accuracy\n" + members, encoding="utf-8")
    return run


@pytest.fixture
def entrants(tmp_path) -> list[Path]:
    own = write_entrant(
        tmp_path / "own",
        "evidence",
        "a_cam,receptive_field,network,0.5,0.125,0.3125,1\na_cam,stretched,network,0.4,0.3,0.35,2\n"
        "a_cam,receptive_field,random_weights,0.9,0.9,0.9,\nrise,none,network,0.6,0.6,0.6,1\n"
        "none,none,energy,0.25,0.5,0.375,\nnone,none,chance,0.01,0.03,0.02,\n",
        "f0,a_cam,receptive_field,finds\nf0,a_cam,stretched,finds\ngap,a_cam,stretched,finds\n"
        "f0,rise,none,no better than energy\ngap,rise,none,does not find\n",
        "f0,female,0,0.5\nf0,female,1,1.0\ngap,female,0,1.0\ngap,female,1,1.0\n",
    )
    others = write_entrant(
        tmp_path / "others",
        "evidence_score",
        "captum_x_y,none,network,0.75,0.25,0.5,2\ngradcam_gradcam,none,network,0.1,0.3,0.2,1\n"
        "gradcam_gradcam,none,random_weights,0.1,0.3,0.2,\nnone,none,energy,0.25,0.5,0.375,\n",
        "f0,captum_x_y,none,finds\ngap,captum_x_y,none,finds\ngap,gradcam_gradcam,none,finds\n",
        "f0,female,0,0.75\ngap,female,0,1.0\n",
    )
    return [own, others]


def test_metrics_stand_in_the_order_of_their_agreement_with_truth(tmp_path):
    write_table(
        tmp_path,
        "explanation_metrics",
        "metric,spearman,low,high,over_random,over_random_weights\nroad,,,,,0.5\n"
        "sparseness,0.2,-0.1,0.5,1,0.25\naverage_drop,0.3,0.1,0.5,0.125,1\n",
    )
    by_cue = (
        "average_drop,burst,0.9,4,filling; rise\naverage_drop,pause,-0.5,4,rise; filling; lime\n"
        "sparseness,burst,0.75,3,rise\nsparseness,gap,-0.25,3,rise; lime\n"
    )
    write_table(tmp_path, "explanation_metrics_by_cue", f"metric,cue,spearman,n_networks,ranking\n{by_cue}")
    head = "method,placement,source,pause,burst,planted_mean,above_chance"
    rows = "rise,none,network,0.03,0.5,0.2,1\nlime,none,network,0.01,0.75,0.2,1\nnone,none,energy,0.9,0.9,0.9,\n"
    write_table(tmp_path, "evidence_methods", f"{head}\n{rows}")
    assert page_tables.agreement_of_metrics(tmp_path).splitlines() == [
        "| metric | rank correlation with planted truth | over random | over random weights |",
        "|---|---|---|---|",
        "| `average_drop` | 0.30 (0.10 to 0.50) | 0.12 | 1.00 |",
        "| `sparseness` | 0.20 (-0.10 to 0.50) | 1.00 | 0.25 |",
        "| `road` |  |  | 0.50 |",
    ]
    assert page_tables.agreement_by_cue(tmp_path).splitlines() == [
        "| metric | pause | burst |",
        "|---|---|---|",
        "| `average_drop` | -0.50 | 0.90 |",
        "| `sparseness` |  | 0.75 |",
        "| `road` |  |  |",
        "| highest average precision of a method | 0.03 | 0.75 |",
    ]
    assert page_tables.places_of_filling(tmp_path).splitlines() == [
        "| metric | pause | devoicing | gap |",
        "|---|---|---|---|",
        "| `average_drop` | 2 of 3 |  |  |",
        "| `sparseness` |  |  |  |",
        "| `road` |  |  |  |",
    ]


def test_the_leaderboard_has_the_methods_of_all_runs_by_what_they_find(entrants):
    assert page_tables.leaderboard(*entrants).splitlines() == [
        "| method | whose | f0 | gap | mean | cues found |",
        "|---|---|---|---|---|---|",
        "| x_y | captum | **0.75** | **0.25** | 0.50 | 2 |",
        "| a_cam | this project | **0.50** | 0.12 | 0.31 | 1 |",
        "| gradcam | grad-cam | 0.10 | **0.30** | 0.20 | 1 |",
        "| rise | this project | 0.60 | 0.60 | 0.60 | 0 |",
        "| the input's energy | networks of this project | 0.25 | 0.50 | 0.38 |  |",
        "| the input's energy | networks of captum, grad-cam | 0.25 | 0.50 | 0.38 |  |",
        "| chance | networks of this project | 0.01 | 0.03 | 0.02 |  |",
    ]
    assert page_tables.networks_of_leaderboard(*entrants).splitlines()[2:] == [
        "| this project | 2 | 75 % | 100 % |",
        "| captum, grad-cam | 1 | 75 % | 100 % |",
    ]


def test_a_leaderboard_is_of_the_same_cues_in_all_runs(entrants):
    path = entrants[1] / "tables" / "evidence_methods.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",gap,", ",pause,"), encoding="utf-8")
    with pytest.raises(ValueError, match="different cues"):
        page_tables.leaderboard(*entrants)


def test_planted_cues_stand_by_network_beside_what_it_has_learned(tmp_path):
    write_table(tmp_path, "networks", "run,group,node_rows,node_columns\nnet-cqt,female,3,6\nnet-cqt,male,3,6\n")
    (tmp_path / "evidence").mkdir()
    write_entrant(
        tmp_path / "evidence" / "net-cqt",
        "evidence",
        "a_cam,receptive_field,network,0.5,0.125,0.3125,1\na_cam,stretched,network,0.4,0.3,0.35,2\n"
        "none,none,energy,0.25,0.5,0.375,\nnone,none,chance,0.01,0.03,0.02,\n",
        "f0,a_cam,receptive_field,finds\ngap,a_cam,stretched,finds\n",
        "f0,female,0,0.5\nf0,female,1,1.0\ngap,female,0,1.0\n",
    )
    assert page_tables.planted_by_network(tmp_path).splitlines() == [
        "| network | nodes |  | f0 | gap |",
        "|---|---|---|---|---|",
        "| net | 3 x 6 | test accuracy | 75 % | 100 % |",
        "|  |  | a_cam | **0.50** | 0.12 |",
        "|  |  | the input's energy | 0.25 | 0.50 |",
    ]


def test_costs_of_methods_are_in_milliseconds_and_megabytes(tmp_path):
    (tmp_path / "methods.csv").write_text(
        "method,seconds_median,seconds_min,seconds_max,program_bytes\n"
        "gradcam,0.00304,0.003,0.00312,61400000\nrise,1.2345,1.2,1.3,1600000\n",
        encoding="utf-8",
    )
    assert page_tables.costs_of_methods(tmp_path).splitlines()[2:] == [
        "| `gradcam` | 3.0 (3.0 to 3.1) | 61 |",
        "| `rise` | 1234 (1200 to 1300) | 2 |",
    ]


def test_the_benchmark_has_a_row_for_each_network_and_task(tmp_path):
    (tmp_path / "benchmark.csv").write_text(
        "network,task,program,precision,members,seconds_median,ratio_to_best_peer\n"
        "a,training_step,convcam_jax,float32,2,0.5,0.25\na,training_step,keras_tensorflow,float32,1,2,1\n"
        "a,training_step,pytorch,float32,1,3.21,1.6\na,training_step,convcam_jax,bfloat16,2,9,0.1\n"
        "a,training_step,convcam_jax,float32,5,7,3.5\nb,explaining,convcam_jax,float32,2,0.0125,\n",
        encoding="utf-8",
    )
    assert page_tables.benchmark_of_networks(tmp_path).splitlines() == [
        "| network |  | convcam_jax | keras_tensorflow | pytorch | as fast as the best peer |",
        "|---|---|---|---|---|---|",
        "| a | training step | 0.5 | 2 | 3.21 | 4.00 times |",
        "| b | explaining | 0.0125 |  |  |  |",
    ]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_its_notebooks_run(tmp_path):
    line = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "-d", str(tmp_path / "doctrees")]
    own = {**environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        [*line, "docs", str(tmp_path / "site")], cwd=PROJECT_DIR, env=own, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-4000:]
    site = tmp_path / "site"
    for path in NOTEBOOKS:
        page = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "<table" in page, path.stem
        assert "_images/" in page, path.stem
    assert "score_gradient" in (site / "api" / "convcam_jax.attribution.score.html").read_text(encoding="utf-8")
    # In the checkout this link leads to docs/architecture.md.
    contributing = (site / "contributing.html").read_text(encoding="utf-8")
    assert re.search(r'href="architecture.html"[^>]*>(<[^>]+>)*The map of the house', contributing)
