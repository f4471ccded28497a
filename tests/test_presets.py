"""Defaults of experiments, corpora and protocols."""

import dataclasses

import pytest

from convcam_jax.settings.config import PUBLISHED_ANALYSIS, AnalysisConfig, CorpusConfig, ModelConfig, SplitConfig
from convcam_jax.settings.presets import full_config, make_config
from convcam_jax.system.errors import UserError

PINNED = ("03a01Fa", "08a01Wa")


def test_protocols_differ_in_every_field_of_the_analysis_but_the_thresholds():
    published = make_config("paper", "emodb", "", "published", 10, PINNED)
    corrected = make_config("paper", "emodb", "", "corrected", 10, PINNED)
    assert published.analysis == PUBLISHED_ANALYSIS
    assert corrected.analysis == AnalysisConfig()
    same = {
        f.name
        for f in dataclasses.fields(AnalysisConfig)
        if getattr(published.analysis, f.name) == getattr(corrected.analysis, f.name)
    }
    assert same == {"trajectory_threshold", "mask_threshold"}
    assert dataclasses.replace(published, protocol="corrected", split=SplitConfig(), analysis=AnalysisConfig()) == (
        corrected
    )


@pytest.mark.parametrize(
    ("corpus", "protocol", "pinned", "excluded"),
    [
        ("emodb", "published", PINNED, ("09", "12")),
        ("emodb", "corrected", (), ("09", "12")),
        ("synthetic", "published", (), ()),
        ("listed", "published", (), ()),
    ],
)
def test_published_recordings_are_pinned_on_emodb_only(corpus, protocol, pinned, excluded):
    config = make_config("paper", corpus, "folder", protocol, 3, PINNED)
    assert config.split.pinned_test == pinned
    assert config.corpus == CorpusConfig(name=corpus, data_dir="folder", excluded_speakers=excluded)
    assert config.train.seeds == 3


def test_only_the_synthetic_corpus_has_a_smaller_network():
    synthetic, emodb = (make_config("paper", corpus, "", "corrected", 10, ()) for corpus in ("synthetic", "emodb"))
    assert synthetic.model == ModelConfig(filters=(8, 16, 32), dense_units=32, dropout_rate=0.5)
    assert emodb.model == ModelConfig(filters=(64, 128, 256), dense_units=128, dropout_rate=0.5)
    assert synthetic.train.epochs == emodb.train.epochs


def test_an_unknown_corpus_is_refused():
    with pytest.raises(UserError, match=r"corpus\.name: must be one of synthetic, emodb, listed"):
        make_config("paper", "iemocap", "", "corrected", 10, ())


def test_without_the_smaller_network_the_synthetic_corpus_has_the_defaults_of_a_listed_one():
    full, listed = (full_config("paper", corpus, "", "corrected", 10, ()) for corpus in ("synthetic", "listed"))
    assert full.corpus.name == "synthetic"
    assert (
        dataclasses.replace(full, corpus=listed.corpus)
        == listed
        == make_config("paper", "listed", "", "corrected", 10, ())
    )
