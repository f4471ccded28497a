import dataclasses

import pytest

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.evidence.config import EvidenceConfig
from convcam_jax.checks.faithfulness.config import FaithfulnessConfig
from convcam_jax.checks.listening.config import ReportConfig
from convcam_jax.checks.sanity.config import SanityConfig
from convcam_jax.corpora.emodb import EmodbConfig
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.prosody import ProsodyConfig
from convcam_jax.settings.config import Config
from convcam_jax.settings.experiments import BenchmarkConfig
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.system.errors import UserError
from convcam_jax.training.config import TrainConfig


@pytest.mark.parametrize(
    ("section", "values", "field"),
    [
        (EmodbConfig, {"emotions": ("anger",)}, "corpus.emotions"),
        (EmodbConfig, {"emotions": ("anger", "anger")}, "corpus.emotions"),
        (EmodbConfig, {"max_frames": -1}, "corpus.max_frames"),
        (EmodbConfig, {"models_per": "emotion"}, "corpus.models_per"),
        (SyntheticConfig, {"seed": -1}, "corpus.seed"),
        (SyntheticConfig, {"seed": 2**32}, "corpus.seed"),
        (SyntheticConfig, {"speakers_per_gender": 40}, "corpus.speakers_per_gender"),
        (SyntheticConfig, {"texts": 0}, "corpus.texts"),
        (SimpleNetConfig, {"filters": (64, 128)}, "network.filters"),
        (SimpleNetConfig, {"dropout_rate": 1.0}, "network.dropout_rate"),
        (MobileNetConfig, {"width": 0.01}, "network.width"),
        (TrainConfig, {"seeds": 0}, "train.seeds"),
        (TrainConfig, {"seeds": 10001}, "train.seeds"),
        (TrainConfig, {"first_seed": -1}, "train.first_seed"),
        (TrainConfig, {"first_seed": 2**32 - 2, "seeds": 3}, "train.first_seed"),
        (TrainConfig, {"epochs": 0}, "train.epochs"),
        (TrainConfig, {"patience_epochs": 0}, "train.patience_epochs"),
        (TrainConfig, {"batch_size": 0}, "train.batch_size"),
        (TrainConfig, {"learning_rate": 0.0}, "train.learning_rate"),
        (TrainConfig, {"members_at_once": -1}, "train.members_at_once"),
        (TrainConfig, {"checkpoint_interval_s": -0.5}, "train.checkpoint_interval_s"),
        (AttributionConfig, {"method": "cam"}, "attribution.method"),
        (AttributionConfig, {"seed": -1}, "attribution.seed"),
        (AttributionConfig, {"seed": 2**32}, "attribution.seed"),
        (AnalysisConfig, {"table3_metric": "f0_frame_rmse_hz"}, "analysis.table3_metric"),
        (AnalysisConfig, {"trajectory_threshold": 0.0}, "analysis.trajectory_threshold"),
        (AnalysisConfig, {"mask_threshold": 1.5}, "analysis.mask_threshold"),
        (ControlsConfig, {"permutations": 0}, "controls.permutations"),
        (ControlsConfig, {"shifts": 0}, "controls.shifts"),
        (ControlsConfig, {"seed": 2**32}, "controls.seed"),
        (ControlsConfig, {"false_discovery_rate": 1.0}, "controls.false_discovery_rate"),
        (ReportConfig, {"thresholds": (0.5, 0.5)}, "report.thresholds"),
        (ReportConfig, {"thresholds": (0.5, 0.5000001)}, "report.thresholds"),
        (ReportConfig, {"seed": 2**32}, "report.seed"),
        (SanityConfig, {"seeds": -1}, "sanity.seeds"),
        (FaithfulnessConfig, {"steps": 1}, "faithfulness.steps"),
        (EvidenceConfig, {"methods": ("cam",)}, "evidence.methods"),
        (BenchmarkConfig, {"size": "short", "tasks": ("features",)}, "benchmark.tasks"),
    ],
)
def test_a_value_out_of_range_is_refused_naming_the_field(section, values, field):
    with pytest.raises(UserError, match=rf"^config field {field}: "):
        section(**values)


def test_filters_beyond_the_nyquist_frequency_are_refused_naming_how_many_fit():
    # The centre of filter 96 lies at 32.703 * 2^(95 / 12) = 7902 Hz, its upper edge at 8244 Hz.
    Cqt(cqt_sample_rate_hz=16490)
    message = (
        r"^config field representation\.n_bins: must be at most 96, since higher filters reach beyond the Nyquist "
        r"frequency of 8300 Hz; lower it, or raise representation\.bins_per_octave or "
        r"representation\.cqt_sample_rate_hz$"
    )
    with pytest.raises(UserError, match=message):
        Cqt(n_bins=200)
    with pytest.raises(UserError, match=r"n_bins: must be at most 95, .* 8240 Hz"):
        Cqt(cqt_sample_rate_hz=16480)
    # Two octaves more from twice the rate and half the lowest frequency.
    Cqt(n_bins=120, cqt_sample_rate_hz=33200, lowest_bin_hz=16.4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"prosody": ProsodyConfig(f0_ceiling_hz=8001.0)},
            "prosody.f0_ceiling_hz: must be at most 8000, half of representation.sample_rate_hz",
        ),
        ({"representation": Cqt(sample_rate_hz=1000)}, "prosody.f0_ceiling_hz: must be at most 500, "),
        (
            {"representation": Cqt(n_bins=7)},
            "representation.n_bins: must be at least 8, what simplenet needs for 2 x 2 nodes of its last convolution",
        ),
        ({"corpus": SyntheticConfig(max_frames=21)}, "corpus.max_frames: must be at least 22, what simplenet needs"),
        (
            {"network": MobileNetConfig(), "representation": Cqt(n_bins=62)},
            "representation.n_bins: must be at least 63, what mobilenet needs",
        ),
        (
            {"network": MobileNetConfig(), "corpus": SyntheticConfig(max_frames=62)},
            "corpus.max_frames: must be at least 63, what mobilenet needs",
        ),
        (
            {"attribution": AttributionConfig(layer="convolution_4")},
            "attribution.layer: must be one of convolution_3, convolution_2, convolution_1, those of simplenet",
        ),
    ],
)
def test_sections_that_do_not_go_together_are_refused(values, message):
    with pytest.raises(UserError) as error:
        Config(**values)
    assert str(error.value).startswith(f"config field {message}")


def test_values_on_the_border_are_accepted():
    at_border = {"corpus": SyntheticConfig(max_frames=22), "representation": Cqt(n_bins=8)}
    Config(**at_border, prosody=ProsodyConfig(f0_ceiling_hz=8000.0, f0_step_s=1.0))
    PerCell(parts=3)
    TrainConfig(seeds=3, first_seed=2**32 - 3)
    SimpleNetConfig(dropout_rate=0.0)
    AnalysisConfig(trajectory_threshold=1.0, mask_threshold=1.0)
    Config(attribution=AttributionConfig(layer="convolution_2"))


def test_configs_are_frozen():
    config = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.protocol = "published"
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.train.epochs = 3


def test_defaults_are_those_of_the_paper():
    config = Config()
    assert config.grid == (96, 202)
    assert (config.representation.name, config.representation.hop_samples) == ("cqt", 512)
    assert config.network == SimpleNetConfig(filters=(64, 128, 256), dense_units=128, dropout_rate=0.5)
    assert (config.train.seeds, config.train.learning_rate) == (10, 0.001)
    assert (config.analysis.trajectory_threshold, config.analysis.mask_threshold) == (0.5, 0.1)


def test_the_network_has_a_class_for_each_emotion_and_the_precision_asked_for():
    config = Config(corpus=SyntheticConfig(emotions=("anger", "fear")))
    network = config.make_network("bfloat16")
    assert (network.n_classes, network.precision) == (2, "bfloat16")


def test_features_depend_on_the_representation_the_prosody_and_the_channels():
    config = Config(corpus=SyntheticConfig(channels="mix"), prosody=ProsodyConfig(f0_floor_hz=60.0))
    assert config.features == (config.representation, config.prosody, "mix")


def test_seeds_of_a_cohort():
    assert list(TrainConfig(seeds=3, first_seed=5).seed_numbers()) == [5, 6, 7]
