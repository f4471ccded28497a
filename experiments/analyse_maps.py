"""Masks, metrics, tables and figures of activation maps that another program made; nothing is trained.

python run.py --experiment=analyse_maps --maps=FILE.npz --corpus=emodb --data_dir=FOLDER

FILE.npz has one array of numbers >= 0 per recording, named as its wav file, or `map/` and that name: bins x frames of
the recording (96 x n), or the map of the last convolution (90 x 47), which is then placed as the protocol does. They
are told apart by their rows. Each map is divided by its maximum. All recordings in the file count as correctly
classified. The 58 published ones take half a minute on 2 cores once the corpus's features are cached.

Bins x frames maps that show the error of having been read from pictures of 256 colours, as the published ones were, are
freed from it, unless --set=given_maps.free_from_colours=false: see `external_maps.from_colours`.
"""

from convcam_jax.stages import given_maps, measures, paper, report
from convcam_jax.stages.checks import chance
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.progress import say


def run(settings: RunSettings) -> None:
    """Check the maps, then analyse them as those of a trained ensemble of one member per group."""
    assert settings.maps is not None
    given_run = given_maps.begin(settings, settings.maps, given_maps.read_maps(settings.maps))
    measures.measure_maps(given_run)
    say("drawing tables and figures")
    paper.write_map_tables(given_run)
    paper.write_map_figures(given_run)
    say("comparing with chance")
    chance.compare_with_chance(given_run)
    report.write_report(given_run)
