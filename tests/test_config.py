import dataclasses

import pytest

from convcam_jax.config import (
    PUBLISHED_ANALYSIS,
    AnalysisConfig,
    Config,
    CorpusConfig,
    FeatureConfig,
    ModelConfig,
    SplitConfig,
    SyntheticConfig,
    TrainConfig,
    make_config,
)
from convcam_jax.errors import UserError

PINNED = ("03a01Fa", "08a01Wa")


@pytest.mark.parametrize(
    ("section", "values", "field"),
    [
        (CorpusConfig, {"emotions": ("anger",)}, "corpus.emotions"),
        (CorpusConfig, {"emotions": ("anger", "anger")}, "corpus.emotions"),
        (CorpusConfig, {"max_frames": 17}, "corpus.max_frames"),
        (SyntheticConfig, {"seed": -1}, "synthetic.seed"),
        (SyntheticConfig, {"speakers_per_gender": 21}, "synthetic.speakers_per_gender"),
        (SyntheticConfig, {"texts": 0}, "synthetic.texts"),
        (FeatureConfig, {"hop_samples": 0}, "features.hop_samples"),
        (FeatureConfig, {"f0_step_s": -0.01}, "features.f0_step_s"),
        (FeatureConfig, {"cqt_bins": 7}, "features.cqt_bins"),
        (FeatureConfig, {"f0_floor_hz": 600.0}, "features.f0_floor_hz"),
        (SplitConfig, {"seed": -1}, "split.seed"),
        (SplitConfig, {"parts": 2}, "split.parts"),
        (ModelConfig, {"filters": (64, 128)}, "model.filters"),
        (ModelConfig, {"filters": (64, 0, 256)}, "model.filters"),
        (ModelConfig, {"dropout_rate": 1.0}, "model.dropout_rate"),
        (TrainConfig, {"seeds": 0}, "train.seeds"),
        (TrainConfig, {"first_seed": -1}, "train.first_seed"),
        (TrainConfig, {"epochs": 0}, "train.epochs"),
        (TrainConfig, {"patience_epochs": 0}, "train.patience_epochs"),
        (TrainConfig, {"batch_size": 0}, "train.batch_size"),
        (TrainConfig, {"learning_rate": 0.0}, "train.learning_rate"),
        (TrainConfig, {"members_at_once": -1}, "train.members_at_once"),
        (AnalysisConfig, {"trajectory_threshold": 0.0}, "analysis.trajectory_threshold"),
        (AnalysisConfig, {"mask_threshold": 1.5}, "analysis.mask_threshold"),
    ],
)
def test_a_value_out_of_range_is_refused_naming_the_field(section, values, field):
    with pytest.raises(UserError, match=rf"^config field {field}: "):
        section(**values)


def test_values_on_the_border_are_accepted():
    CorpusConfig(max_frames=22)
    SplitConfig(parts=3)
    ModelConfig(dropout_rate=0.0)
    AnalysisConfig(trajectory_threshold=1.0, mask_threshold=1.0)


def test_configs_are_frozen():
    config = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.protocol = "published"
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.train.epochs = 3


def test_defaults_are_those_of_the_paper():
    config = Config()
    assert (config.features.cqt_bins, config.corpus.max_frames, config.features.hop_samples) == (96, 202, 512)
    assert config.model == ModelConfig((64, 128, 256), 128, 0.5)
    assert (config.train.seeds, config.train.learning_rate) == (10, 0.001)
    assert (config.analysis.trajectory_threshold, config.analysis.mask_threshold) == (0.5, 0.1)


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
    assert synthetic.model.filters == (8, 16, 32)
    assert emodb.model == ModelConfig(filters=(64, 128, 256), dense_units=128, dropout_rate=0.5)
    assert (synthetic.train.epochs, emodb.train.epochs) == (6, 8)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(UserError, match=r"corpus\.name: must be one of synthetic, emodb, listed"):
        make_config("paper", "iemocap", "", "corrected", 10, ())
