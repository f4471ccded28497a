"""What is known of each metric of explanations, and all of them of ONE map.

To add a metric: a pure function of one recording in a file of this package, a line in `EXPLANATION_METRICS`, and one in
`all_metrics`.

Axes: F frequency bin; T time frame; P version of the recording with noise.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jaxtyping import Array, Float, Key

from convcam_jax.attribution.score import Classify
from convcam_jax.checks.explanation_metrics import additivity, concentration, masked_input, removal, robustness
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording
from convcam_jax.measures.metric_table import Better


class ExplanationMetric(NamedTuple):
    """A metric of one map.

    Attributes:
      words: its name in a sentence.
      formula: what it measures, in words; the logit, the probability and the class are those of the explained class.
      source: where it comes from.
      better: which values are better.
    """

    words: str
    formula: str
    source: str
    better: Better


_L_MAC = "Paissan, Ravanelli and Subakan, ICML 2024 (SpeechBrain)"
# By their columns, in the order of `evidence_metrics.csv`.
EXPLANATION_METRICS: Mapping[str, ExplanationMetric] = {
    "sparseness": ExplanationMetric(
        words="sparseness",
        formula="Gini coefficient of the absolute map over the cells",
        source="Chalasani et al., ICML 2020",
        better="higher",
    ),
    "complexity": ExplanationMetric(
        words="complexity",
        formula="entropy of the cells' shares in the absolute map, in nats",
        source="Bhatt, Weller and Moura, IJCAI 2020",
        better="lower",
    ),
    "completeness": ExplanationMetric(
        words="the gap in completeness",
        formula="distance of the signed map's sum from what the logit gains over silence, divided by that gain",
        source="Sundararajan, Taly and Yan, ICML 2017",
        better="lower",
    ),
    "selectivity": ExplanationMetric(
        words="selectivity",
        formula="area under the logit over the share of regions silenced, the map's highest first",
        source="Montavon, Samek and Müller, Digital Signal Processing 73, 2018",
        better="lower",
    ),
    "region_perturbation": ExplanationMetric(
        words="region perturbation",
        formula="mean fall of the logit while the map's highest quarter of the regions is replaced by noise",
        source="Samek et al., IEEE TNNLS 28, 2017",
        better="higher",
    ),
    "road": ExplanationMetric(
        words="ROAD",
        formula="share of five steps, 10 % to 90 % of the cells imputed, the map's highest first, at which the "
        "answer stays",
        source="Rong et al., ICML 2022",
        better="lower",
    ),
    "infidelity": ExplanationMetric(
        words="infidelity",
        formula="squared error of the logit's losses by the map, at the best scale of 0 or more, where single "
        "squares are silenced, divided by the squared losses",
        source="Yeh et al., NeurIPS 2019",
        better="lower",
    ),
    "max_sensitivity": ExplanationMetric(
        words="max-sensitivity",
        formula="largest change of the map under a little noise, divided by the map's norm (as Quantus 0.6.0 does, so "
        "that maps of any scale compare)",
        source="Yeh et al., NeurIPS 2019",
        better="lower",
    ),
    "local_lipschitz": ExplanationMetric(
        words="the local Lipschitz estimate",
        formula="largest change of the map divided by the norm of the noise",
        source="Alvarez-Melis and Jaakkola, arXiv:1806.08049, 2018",
        better="lower",
    ),
    "random_logit": ExplanationMetric(
        words="the random-logit test",
        formula="correlation of the map with that of another class",
        source="Sixt, Granz and Landgraf, ICML 2020",
        better="lower",
    ),
    "faithfulness": ExplanationMetric(
        words="SpeechBrain's faithfulness",
        formula="probability of the whole less that of what the map masks out",
        source=_L_MAC,
        better="higher",
    ),
    "average_increase": ExplanationMetric(
        words="average increase",
        formula="whether the probability of what the map lets through is above that of the whole",
        source=_L_MAC,
        better="higher",
    ),
    "average_drop": ExplanationMetric(
        words="average drop",
        formula="fall of the probability from the whole to what the map lets through, divided by the first",
        source=_L_MAC,
        better="lower",
    ),
    "average_gain": ExplanationMetric(
        words="average gain",
        formula="rise of the probability from the whole to what the map lets through, divided by the room up to 1",
        source=_L_MAC,
        better="higher",
    ),
    "input_fidelity": ExplanationMetric(
        words="input fidelity",
        formula="whether the answer to what the map lets through is that to the whole",
        source=_L_MAC,
        better="higher",
    ),
}


class OtherMaps(NamedTuple):
    """What the method says where the recording or the question is another.

    Attributes:
      signed_sum: of the method's signed map, in front of placing it; not a number where it is not meant to be a gain.
      noisy: versions of the recording with a little noise.
      noisy_maps: their maps.
      other_class: the map of the recording for another class.
    """

    signed_sum: Float[Array, ""]
    noisy: Float[Array, "P F T"]
    noisy_maps: Float[Array, "P F T"]
    other_class: Float[Array, "F T"]


class Drawn(NamedTuple):
    """What is drawn for a recording, the same for all its maps: fills of removed cells, and the order of equal ones."""

    regions: Float[Array, "F T"]
    imputed: Float[Array, "F T"]
    order: Key[Array, ""]


def all_metrics(
    answers: Classify, recording: ExplainedRecording, others: OtherMaps, drawn: Drawn
) -> dict[str, Float[Array, ""]]:
    """All metrics of one map, by the names of `EXPLANATION_METRICS`."""
    own_map, taken_away = recording.relevance, additivity.silenced_squares(recording.spectrogram)
    return {
        "sparseness": concentration.sparseness(recording),
        "complexity": concentration.complexity(recording),
        "completeness": additivity.completeness(answers, recording, others.signed_sum),
        "selectivity": removal.selectivity(answers, recording, drawn.order),
        "region_perturbation": removal.region_perturbation(answers, recording, drawn.regions, drawn.order),
        "road": removal.road(answers, recording, drawn.imputed, drawn.order),
        "infidelity": additivity.infidelity(answers, recording, taken_away),
        "max_sensitivity": robustness.max_sensitivity(own_map, others.noisy_maps),
        "local_lipschitz": robustness.local_lipschitz(own_map, others.noisy_maps, recording.spectrogram, others.noisy),
        "random_logit": robustness.random_logit(own_map, others.other_class, recording.present),
        **masked_input.masked_input_scores(answers, recording)._asdict(),
    }
