"""The configuration of a run: frozen dataclasses, each validated when it is made.

A run's config is that of `presets.make_config` with the user's `--set` changes applied by `overrides`.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal, get_args

from convcam_jax.system.errors import UserError

CorpusName = Literal["synthetic", "emodb", "listed"]
Protocol = Literal["corrected", "published"]
CamMethod = Literal[
    "gradcam",
    "gradcam++",
    "hirescam",
    "xgradcam",
    "layercam",
    "eigencam",
    "scorecam",
    "ablationcam",
    "gradient_x_input",
    "integrated_gradients",
]
Score = Literal["logit", "softmax"]
Precision = Literal["float32", "bfloat16"]
MapPlacement = Literal["stretched", "receptive_field"]
Digits = Literal["rounded", "truncated"]
EvidenceSize = Literal["default", "small"]

# What tells the classes of planted evidence apart.
EVIDENCE_VARIANTS = ("f0", "envelope", "burst", "pause", "mixed", "none")
EVIDENCE_CLASSES = ("first", "second", "third")
# The order of the columns of the paper's Tables 3 to 5.
EMOTIONS = ("anger", "boredom", "fear", "happiness", "neutral", "sadness")
GENDERS = ("female", "male")
HIGHEST_RATE_HZ = 192000
# Filters of many seconds need more memory than there is.
LONGEST_FILTER_S = 10


def _require(condition: bool, field: str, rule: str) -> None:
    if not condition:
        raise UserError(f"config field {field}: {rule}")


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """Which recordings are used (paper, section 3.1).

    `listed` is a corpus of one's own: `wav/` beside a table `utterances.csv` (recording, speaker, gender, emotion,
    text).
    """

    name: CorpusName = "synthetic"
    data_dir: str = ""
    emotions: tuple[str, ...] = EMOTIONS
    excluded_speakers: tuple[str, ...] = ()
    max_frames: int = 202
    on_error: Literal["stop", "skip"] = "stop"

    def __post_init__(self) -> None:
        _require(
            len(set(self.emotions)) == len(self.emotions) >= 2, "corpus.emotions", "needs two or more different names"
        )
        _require(
            self.max_frames >= 22,
            "corpus.max_frames",
            "must be at least 22, what two columns of the last convolution see",
        )


@dataclasses.dataclass(frozen=True)
class SyntheticConfig:
    """Size and seed of the embedded corpus."""

    seed: int = 0
    speakers_per_gender: int = 3
    texts: int = 4

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "synthetic.seed", "must not be negative")
        _require(1 <= self.speakers_per_gender <= 20, "synthetic.speakers_per_gender", "must lie in 1..20")
        _require(1 <= self.texts <= 20, "synthetic.texts", "must lie in 1..20")


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """CQT-96, F0 and energy (paper, section 2.1); frames are those of the CQT."""

    sample_rate_hz: int = 16000
    # At 16 kHz the pass-band of the highest of the 96 filters, up to 8244 Hz, reaches beyond the Nyquist frequency.
    cqt_sample_rate_hz: int = 16600
    hop_samples: int = 512
    cqt_bins: int = 96
    bins_per_octave: int = 12
    lowest_bin_hz: float = 32.70319566257483
    scale: Literal["magnitude", "power", "decibel"] = "magnitude"
    f0_floor_hz: float = 75.0
    f0_ceiling_hz: float = 600.0
    f0_step_s: float = 0.01

    def __post_init__(self) -> None:
        for name in ("sample_rate_hz", "cqt_sample_rate_hz"):
            _require(
                0 < getattr(self, name) <= HIGHEST_RATE_HZ, f"features.{name}", f"must lie in 1..{HIGHEST_RATE_HZ}"
            )
        for name in ("hop_samples", "bins_per_octave", "lowest_bin_hz"):
            _require(getattr(self, name) > 0, f"features.{name}", "must be positive")
        _require(
            self.cqt_bins >= 8, "features.cqt_bins", "must be at least 8, what two rows of the last convolution see"
        )
        self._check_filters()
        _require(
            0 < self.f0_floor_hz < self.f0_ceiling_hz, "features.f0_floor_hz", "must lie between 0 and f0_ceiling_hz"
        )
        _require(
            2 * self.f0_ceiling_hz <= self.sample_rate_hz,
            "features.f0_ceiling_hz",
            f"must be at most {self.sample_rate_hz / 2:g}, half of features.sample_rate_hz",
        )
        _require(0.0001 <= self.f0_step_s <= 1, "features.f0_step_s", "must lie in 0.0001..1")

    def _check_filters(self) -> None:
        # Bandwidth and upper edge by the centre frequency, as librosa has them for Hann windows.
        bandwidth = math.tanh(math.log(2) / self.bins_per_octave)
        edge = 1 + 0.75 * bandwidth
        lowest_hz = 1 / (bandwidth * LONGEST_FILTER_S)
        _require(
            self.lowest_bin_hz >= lowest_hz,
            "features.lowest_bin_hz",
            f"must be at least {lowest_hz:.3g} at {self.bins_per_octave} bins per octave; "
            f"lower filters last longer than {LONGEST_FILTER_S} s",
        )
        nyquist_hz = self.cqt_sample_rate_hz / 2
        n_fitting = 1 + math.floor(self.bins_per_octave * math.log2(nyquist_hz / (edge * self.lowest_bin_hz)))
        _require(
            self.cqt_bins <= n_fitting,
            "features.cqt_bins",
            f"must be at most {max(0, n_fitting)}, since higher filters reach beyond the Nyquist frequency of "
            f"{nyquist_hz:g} Hz; lower it, or raise features.cqt_sample_rate_hz",
        )


@dataclasses.dataclass(frozen=True)
class SplitConfig:
    """Per speaker and emotion with n recordings: floor(n / parts) test, as many validation, the rest training."""

    seed: int = 0
    parts: int = 4
    pinned_test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "split.seed", "must not be negative")
        _require(self.parts >= 3, "split.parts", "must be at least 3")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """SimpleNet (paper, section 3.2 and Figure 7); kernels and pools are (frequency, time)."""

    filters: tuple[int, ...] = (64, 128, 256)
    dense_units: int = 128
    dropout_rate: float = 0.5

    def __post_init__(self) -> None:
        _require(len(self.filters) == 3 and min(self.filters) > 0, "model.filters", "needs three positive numbers")
        _require(0.0 <= self.dropout_rate < 1.0, "model.dropout_rate", "must lie in [0, 1)")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Adam on cross-entropy; the state with the highest validation accuracy is kept (then the lowest validation loss).

    A member stops after `patience_epochs` epochs without a better one. Batches have at most `batch_size` recordings;
    all members take as many steps per epoch as the largest training set needs.
    """

    seeds: int = 10
    first_seed: int = 0
    # On EMO-DB the first epoch with a mean validation accuracy within a standard error, over ten seeds, of the highest.
    epochs: int = 5
    patience_epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 0.001
    # Of the convolutions' factors while training; all else, the explanations too, is float32.
    precision: Precision = "bfloat16"
    # 0: as many members at once as the memory holds.
    members_at_once: int = 0
    # Training time between two checkpoints, which are made at the end of an epoch; 0: after every epoch.
    checkpoint_interval_s: float = 120.0

    def __post_init__(self) -> None:
        _require(self.seeds >= 1, "train.seeds", "must be at least 1")
        _require(self.first_seed >= 0, "train.first_seed", "must not be negative")
        _require(self.epochs >= 1, "train.epochs", "must be at least 1")
        _require(self.patience_epochs >= 1, "train.patience_epochs", "must be at least 1")
        _require(self.batch_size >= 1, "train.batch_size", "must be at least 1")
        _require(self.learning_rate > 0, "train.learning_rate", "must be positive")
        _require(self.members_at_once >= 0, "train.members_at_once", "must be 0 (as memory allows) or positive")
        _require(self.checkpoint_interval_s >= 0, "train.checkpoint_interval_s", "must be 0 (every epoch) or positive")


@dataclasses.dataclass(frozen=True)
class CamConfig:
    """How the network is explained: the paper's Grad-CAM (section 2.2) or another method (docs/attribution_methods.md).

    Which class is explained, which of its outputs is its score (Eq. 3), and the precision of the factors of the
    convolutions' products wherever a trained network is used.
    """

    method: CamMethod = "gradcam"
    target: Literal["truth", "predicted"] = "truth"
    score: Score = "logit"
    precision: Precision = "float32"


@dataclasses.dataclass(frozen=True)
class AnalysisConfig:
    """What is done with the maps (paper, section 3.3); all fields but the thresholds differ between the protocols."""

    map_placement: MapPlacement = "receptive_field"
    f0_reading: Literal["resized_with_zeros", "voiced_frames_only"] = "voiced_frames_only"
    isolated_voiced_frame: Literal["extended", "kept"] = "kept"
    table3_metric: Literal["q_mse", "q_rmse"] = "q_rmse"
    table4_metric: Literal[
        "f0_segment_rmse_hz", "f0_frame_rmse_hz", "f0_segment_rmse_semitones", "f0_frame_rmse_semitones"
    ] = "f0_frame_rmse_hz"
    chosen_by: Literal["validation_accuracy", "test_accuracy"] = "validation_accuracy"
    table_digits: Digits = "rounded"
    # Section 3.3.2, step 2: cells below this share of their column's maximum are left out of the trajectory c.
    trajectory_threshold: float = 0.5
    # Eq. 11: beta.
    mask_threshold: float = 0.1

    def __post_init__(self) -> None:
        _require(0 < self.trajectory_threshold <= 1, "analysis.trajectory_threshold", "must lie in (0, 1]")
        _require(0 < self.mask_threshold <= 1, "analysis.mask_threshold", "must lie in (0, 1]")


@dataclasses.dataclass(frozen=True)
class ControlsConfig:
    """How the figures of Tables 3 to 5 are set against chance."""

    # Draws of each control, and resamples of the speakers for each interval.
    permutations: int = 200
    resamples: int = 1000
    seed: int = 0
    false_discovery_rate: float = 0.05

    def __post_init__(self) -> None:
        _require(self.permutations >= 1, "controls.permutations", "must be at least 1")
        _require(self.resamples >= 1, "controls.resamples", "must be at least 1")
        _require(self.seed >= 0, "controls.seed", "must not be negative")
        _require(0 < self.false_discovery_rate < 1, "controls.false_discovery_rate", "must lie between 0 and 1")


@dataclasses.dataclass(frozen=True)
class GivenMapsConfig:
    """What the maps of the experiment `analyse_maps` are."""

    # Maps that show the error of having been read from a picture of 256 colours are freed from most of it.
    free_from_colours: bool = True


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What the experiment `benchmark` measures; "short" has fewer repeats, members and recordings."""

    size: Literal["full", "short"] = "full"
    tasks: tuple[Literal["training_step", "training_step_full_length", "explaining", "features"], ...] = (
        "training_step",
        "training_step_full_length",
        "explaining",
        "features",
    )

    def __post_init__(self) -> None:
        measured = ("training_step", "explaining") if self.size == "short" else self.tasks
        _require(bool(set(self.tasks) & set(measured)), "benchmark.tasks", f"size {self.size} measures none of them")


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """The sounds of the report: what a map marks is where it reaches a share of its maximum."""

    thresholds: tuple[float, ...] = (0.25, 0.5, 0.75)
    # Choices of as many random cells that each mark is compared with.
    random_masks: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        _require(
            bool(self.thresholds) and all(0 < t <= 1 for t in self.thresholds),
            "report.thresholds",
            "needs numbers in (0, 1]",
        )
        _require(len(set(self.thresholds)) == len(self.thresholds), "report.thresholds", "needs different numbers")
        _require(self.random_masks >= 1, "report.random_masks", "must be at least 1")
        _require(self.seed >= 0, "report.seed", "must not be negative")


@dataclasses.dataclass(frozen=True)
class SanityConfig:
    """Maps of networks with randomised weights and shuffled labels (`convcam_jax.checks.sanity.randomisation`)."""

    # Members per gender, the chosen one first, then by seed; 0 leaves all this out.
    seeds: int = 5
    # Further networks per gender, trained on shuffled labels; 0 leaves them out.
    shuffled_label_seeds: int = 1

    def __post_init__(self) -> None:
        _require(self.seeds >= 0, "sanity.seeds", "must not be negative")
        _require(self.shuffled_label_seeds >= 0, "sanity.shuffled_label_seeds", "must not be negative")


@dataclasses.dataclass(frozen=True)
class FaithfulnessConfig:
    """Deletion and insertion curves (`convcam_jax.checks.faithfulness.curves`)."""

    # Members per gender, the chosen one first, then by seed; 0 leaves all this out.
    seeds: int = 3
    # Intervals between the shares of cells 0 and 1.
    steps: int = 5

    def __post_init__(self) -> None:
        _require(self.seeds >= 0, "faithfulness.seeds", "must not be negative")
        _require(self.steps >= 2, "faithfulness.steps", "must be at least 2")


@dataclasses.dataclass(frozen=True)
class EvidenceConfig:
    """Planted evidence: which cues are planted in whose voices, and which methods look for them.

    `size` chooses defaults of other fields, see `convcam_jax.settings.evidence_size`.
    """

    size: EvidenceSize = "default"
    variants: tuple[str, ...] = EVIDENCE_VARIANTS
    genders: tuple[str, ...] = GENDERS
    # Besides `cam.method`.
    methods: tuple[CamMethod, ...] = get_args(CamMethod)
    # A cell carries the cue if its magnitude changes by this share of the largest change in the recording, or more.
    truth_threshold: float = 0.1

    def __post_init__(self) -> None:
        for name, known in (
            ("variants", EVIDENCE_VARIANTS),
            ("genders", GENDERS),
            ("methods", get_args(CamMethod)),
        ):
            values = getattr(self, name)
            _require(
                len(values) > 0 and len(set(values)) == len(values) and set(values) <= set(known),
                f"evidence.{name}",
                f"needs one or more different names of {', '.join(known)}",
            )
        _require(0 < self.truth_threshold <= 1, "evidence.truth_threshold", "must lie in (0, 1]")


PUBLISHED_ANALYSIS = AnalysisConfig(
    map_placement="stretched",
    f0_reading="resized_with_zeros",
    isolated_voiced_frame="extended",
    table3_metric="q_mse",
    table4_metric="f0_segment_rmse_hz",
    chosen_by="test_accuracy",
    table_digits="truncated",
)
PROTOCOLS: Mapping[Protocol, AnalysisConfig] = {"published": PUBLISHED_ANALYSIS, "corrected": AnalysisConfig()}


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that a run's results depend on."""

    experiment: str = "paper"
    protocol: Protocol = "corrected"
    corpus: CorpusConfig = CorpusConfig()
    synthetic: SyntheticConfig = SyntheticConfig()
    features: FeatureConfig = FeatureConfig()
    split: SplitConfig = SplitConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    cam: CamConfig = CamConfig()
    analysis: AnalysisConfig = AnalysisConfig()
    controls: ControlsConfig = ControlsConfig()
    given_maps: GivenMapsConfig = GivenMapsConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()
    report: ReportConfig = ReportConfig()
    sanity: SanityConfig = SanityConfig()
    faithfulness: FaithfulnessConfig = FaithfulnessConfig()
    evidence: EvidenceConfig = EvidenceConfig()
