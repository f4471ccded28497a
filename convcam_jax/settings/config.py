"""The configuration of a run: the rooms' own configs put together.

Each is a frozen dataclass that is validated when it is made. A run's config is that of `presets.make_config` with the
user's `--set` changes applied by `overrides`.
"""

import dataclasses
from collections.abc import Mapping

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.limits import require_explainable
from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.evidence.config import EvidenceConfig
from convcam_jax.checks.faithfulness.config import FaithfulnessConfig
from convcam_jax.checks.listening.config import ReportConfig
from convcam_jax.checks.sanity.config import SanityConfig
from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.config import FROM_CORPUS, CorpusConfig
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.kernels.precision import Precision
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.network import Network, NetworkConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.networks.standardised import Standardised
from convcam_jax.paper.protocols import Protocol
from convcam_jax.representations import REPRESENTATIONS
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.representations.prosody import ProsodyConfig
from convcam_jax.representations.representation import Representation
from convcam_jax.settings.experiments import BenchmarkConfig, GivenMapsConfig, NetworksConfig
from convcam_jax.splits import SPLIT_PROTOCOLS
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import SplitProtocol
from convcam_jax.system.validation import require
from convcam_jax.training.config import TrainConfig

# The sections whose fields depend on what the flag of the same name chooses: the config of each choice.
DOORS: Mapping[str, Mapping[str, type]] = {
    "corpus": {name: corpus.config for name, corpus in CORPORA.items()},
    "representation": REPRESENTATIONS,
    "split": SPLIT_PROTOCOLS,
    "network": NETWORKS,
}


def choices_having(field: str) -> list[str]:
    """The choices at a section of `DOORS` that have the field, whose full name is given.

    >>> choices_having("network.recurrent_units"), choices_having("train.epochs")
    (['crnn'], [])
    """
    section, _, own = field.partition(".")
    return [name for name, kind in DOORS.get(section, {}).items() if own in {f.name for f in dataclasses.fields(kind)}]


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that a run's results depend on."""

    experiment: str = "paper"
    protocol: Protocol = "corrected"
    corpus: CorpusConfig = SyntheticConfig()
    representation: Representation = Cqt()
    prosody: ProsodyConfig = ProsodyConfig()
    split: SplitProtocol = PerCell()
    network: NetworkConfig = SimpleNetConfig()
    train: TrainConfig = TrainConfig()
    attribution: AttributionConfig = AttributionConfig()
    analysis: AnalysisConfig = AnalysisConfig()
    controls: ControlsConfig = ControlsConfig()
    given_maps: GivenMapsConfig = GivenMapsConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()
    networks: NetworksConfig = NetworksConfig()
    report: ReportConfig = ReportConfig()
    sanity: SanityConfig = SanityConfig()
    faithfulness: FaithfulnessConfig = FaithfulnessConfig()
    evidence: EvidenceConfig = EvidenceConfig()

    def __post_init__(self) -> None:
        rate_hz = self.representation.sample_rate_hz
        require(
            2 * self.prosody.f0_ceiling_hz <= rate_hz,
            "prosody.f0_ceiling_hz",
            f"must be at most {rate_hz / 2:g}, half of representation.sample_rate_hz",
        )
        network = self.make_network("float32")
        layers = network.explained_layers()
        n_bins, n_frames = network.smallest_input()
        rows, columns = network.geometry(layers[0], (n_bins, n_frames)).shape
        what = f"what {self.network.name} needs for {rows} x {columns} nodes of its last convolution"
        require(self.grid[0] >= n_bins, "representation.n_bins", f"must be at least {n_bins}, {what}")
        if self.corpus.max_frames != FROM_CORPUS:
            require(self.grid[1] >= n_frames, "corpus.max_frames", f"must be at least {n_frames}, {what}")
        require(
            self.attribution.layer in ("", *layers),
            "attribution.layer",
            f"must be one of {', '.join(layers)}, those of {self.network.name}, or empty for the first of them",
        )
        for field, methods in (
            ("attribution.method", (self.attribution.method,)),
            ("evidence.methods", self.evidence.methods),
        ):
            require_explainable(self.network.name, network, self.attribution.layer, field, methods)

    @property
    def grid(self) -> tuple[int, int]:
        """Bins and frames (F, T) of the network's inputs."""
        return self.representation.n_bins, self.corpus.max_frames

    @property
    def features(self) -> FeatureConfig:
        """What the features of a recording depend on."""
        return FeatureConfig(self.representation, self.prosody, self.corpus.channels)

    def make_network(self, precision: Precision) -> Network:
        """The network; `precision` is that of training or, of trained ones, of the attribution."""
        network = self.network.make(len(self.corpus.emotions), precision)
        return network if self.representation.standardisation == "none" else Standardised(network)
