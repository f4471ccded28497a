import dataclasses

import pytest

from convcam_jax.settings.config import (
    AnalysisConfig,
    Config,
    CorpusConfig,
    FeatureConfig,
    ModelConfig,
    SplitConfig,
    SyntheticConfig,
    TrainConfig,
)
from convcam_jax.system.errors import UserError


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
        (FeatureConfig, {"hop_samples": -512}, "features.hop_samples"),
        (FeatureConfig, {"sample_rate_hz": 0}, "features.sample_rate_hz"),
        (FeatureConfig, {"sample_rate_hz": 192001}, "features.sample_rate_hz"),
        (FeatureConfig, {"cqt_sample_rate_hz": -16600}, "features.cqt_sample_rate_hz"),
        (FeatureConfig, {"bins_per_octave": 0}, "features.bins_per_octave"),
        (FeatureConfig, {"lowest_bin_hz": 0.0}, "features.lowest_bin_hz"),
        (FeatureConfig, {"lowest_bin_hz": 5e-324}, "features.lowest_bin_hz"),
        (FeatureConfig, {"bins_per_octave": 100000}, "features.lowest_bin_hz"),
        (FeatureConfig, {"f0_step_s": -0.01}, "features.f0_step_s"),
        (FeatureConfig, {"f0_step_s": 1e-9}, "features.f0_step_s"),
        (FeatureConfig, {"f0_step_s": 2.0}, "features.f0_step_s"),
        (FeatureConfig, {"f0_ceiling_hz": 8001.0}, "features.f0_ceiling_hz"),
        (FeatureConfig, {"sample_rate_hz": 1000}, "features.f0_ceiling_hz"),
        (FeatureConfig, {"cqt_bins": 7}, "features.cqt_bins"),
        (FeatureConfig, {"cqt_bins": 1000000}, "features.cqt_bins"),
        (FeatureConfig, {"lowest_bin_hz": 20000.0}, "features.cqt_bins"),
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
        (TrainConfig, {"checkpoint_interval_s": -0.5}, "train.checkpoint_interval_s"),
        (AnalysisConfig, {"trajectory_threshold": 0.0}, "analysis.trajectory_threshold"),
        (AnalysisConfig, {"mask_threshold": 1.5}, "analysis.mask_threshold"),
    ],
)
def test_a_value_out_of_range_is_refused_naming_the_field(section, values, field):
    with pytest.raises(UserError, match=rf"^config field {field}: "):
        section(**values)


def test_filters_beyond_the_nyquist_frequency_are_refused_naming_how_many_fit():
    # The centre of filter 96 lies at 32.703 * 2^(95 / 12) = 7902 Hz, its upper edge at 8244 Hz.
    FeatureConfig(cqt_sample_rate_hz=16490)
    message = (
        r"^config field features\.cqt_bins: must be at most 96, since higher filters reach beyond the Nyquist "
        r"frequency of 8300 Hz; lower it, or raise features\.cqt_sample_rate_hz$"
    )
    with pytest.raises(UserError, match=message):
        FeatureConfig(cqt_bins=200)
    with pytest.raises(UserError, match=r"cqt_bins: must be at most 95, .* 8240 Hz"):
        FeatureConfig(cqt_sample_rate_hz=16480)
    # Two octaves more from twice the rate and half the lowest frequency.
    FeatureConfig(cqt_bins=120, cqt_sample_rate_hz=33200, lowest_bin_hz=16.4)


def test_values_on_the_border_are_accepted():
    CorpusConfig(max_frames=22)
    SplitConfig(parts=3)
    ModelConfig(dropout_rate=0.0)
    FeatureConfig(f0_ceiling_hz=8000.0, f0_step_s=1.0)
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
