"""Defaults of experiments, of what the flags choose, and of the device."""

import dataclasses

import pytest

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.corpora.emodb import EmodbConfig
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.kernels import precision
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.paper import published
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS
from convcam_jax.settings.config import DOORS, Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import (
    FIRST_LOOK_CORPUS,
    FIRST_LOOK_INPUT,
    FIRST_LOOK_NETWORK,
    FIRST_LOOK_TRAINING,
    SYNTHETIC_FAITHFULNESS,
    SYNTHETIC_SANITY,
    Choices,
    default_config,
    full_config,
    make_config,
    with_device_defaults,
    with_evidence_size,
)
from convcam_jax.settings.protocols import MODERN
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.system.errors import UserError
from convcam_jax.training.config import TrainConfig


def test_protocols_differ_in_every_field_of_the_analysis_but_the_thresholds():
    published_one, corrected = (make_config(Choices(protocol=p, corpus="emodb")) for p in ("published", "corrected"))
    assert published_one.analysis == PUBLISHED_ANALYSIS
    assert corrected.analysis == AnalysisConfig()
    same = {
        f.name
        for f in dataclasses.fields(AnalysisConfig)
        if getattr(published_one.analysis, f.name) == getattr(corrected.analysis, f.name)
    }
    assert same == {"trajectory_threshold", "mask_threshold"}
    assert (
        dataclasses.replace(published_one, protocol="corrected", split=PerCell(), analysis=AnalysisConfig())
        == corrected
    )


def test_modern_has_its_own_network_input_and_training_and_the_corrected_analysis():
    modern, corrected = (make_config(Choices(protocol=p, corpus="emodb", seeds=2)) for p in ("modern", "corrected"))
    assert modern.network == DOORS["network"][MODERN.network]()
    assert modern.representation.name == MODERN.representation
    assert (modern.representation.scale, modern.representation.standardisation) == ("decibel", "per_bin")
    assert modern.train == TrainConfig(seeds=2, **MODERN.train) != corrected.train
    own = {name: getattr(corrected, name) for name in ("network", "representation", "train")}
    assert dataclasses.replace(modern, protocol="corrected", **own) == corrected


def test_flags_and_set_go_before_what_is_modern():
    config = make_config(Choices(protocol="modern", corpus="emodb", network="mobilenet", representation="vqt"))
    assert config.network == MobileNetConfig()
    assert (config.representation.name, config.representation.scale) == ("vqt", "decibel")
    assert config.train == TrainConfig(**MODERN.train)
    changed = apply_overrides(config, ["representation.scale=power", "train.epochs=9"])
    assert (changed.representation.scale, changed.train.epochs) == ("power", 9)
    default = default_config(changed)
    assert (default.representation, default.train.epochs) == (config.representation, config.train.epochs)


@pytest.mark.parametrize(
    ("corpus", "protocol", "split", "is_pinned", "excluded"),
    [
        ("emodb", "published", "per_cell", True, ("09", "12")),
        ("emodb", "corrected", "per_cell", False, ("09", "12")),
        ("synthetic", "published", "per_cell", False, ()),
        ("listed", "published", "per_cell", False, ()),
        ("ravdess", "published", "per_cell", False, ()),
        ("emodb", "published", "leave_one_speaker_out", False, ()),
        ("emodb", "corrected", "leave_one_speaker_out", False, ()),
    ],
)
def test_published_recordings_are_pinned_on_emodb_split_per_cell_only(corpus, protocol, split, is_pinned, excluded):
    config = full_config(Choices(protocol=protocol, corpus=corpus, split=split, data_dir="folder", seeds=3))
    expected = PerCell(pinned_test=published.published_names() if is_pinned else ())
    assert config.split == (expected if split == "per_cell" else LeaveOneSpeakerOut())
    assert config.corpus == DOORS["corpus"][corpus](data_dir="folder", excluded_speakers=excluded)
    assert config.train.seeds == 3


@pytest.mark.parametrize("protocol", ["published", "corrected"])
def test_maps_from_elsewhere_are_of_all_speakers(protocol):
    config = make_config(Choices("analyse_maps", protocol, "emodb", data_dir="folder"))
    assert config.corpus == EmodbConfig(data_dir="folder")
    assert config.corpus.excluded_speakers == ()
    assert config.split == PerCell()
    assert default_config(config).corpus == config.corpus


def test_only_the_synthetic_corpus_has_a_smaller_network_and_fewer_checks():
    synthetic, emodb = (make_config(Choices(corpus=corpus)) for corpus in ("synthetic", "emodb"))
    assert synthetic.network == FIRST_LOOK_NETWORK
    assert emodb.network == SimpleNetConfig(filters=(64, 128, 256), dense_units=128, dropout_rate=0.5)
    assert (synthetic.sanity, synthetic.faithfulness) == (SYNTHETIC_SANITY, SYNTHETIC_FAITHFULNESS)
    assert (emodb.sanity, emodb.faithfulness) == (Config().sanity, Config().faithfulness)


@pytest.mark.parametrize("representation", ["cqt", "mel"])
def test_the_synthetic_corpus_has_a_training_of_its_own_in_any_representation(representation):
    synthetic, emodb = (
        make_config(Choices(corpus=corpus, representation=representation, seeds=3)) for corpus in ("synthetic", "emodb")
    )
    assert synthetic.corpus == dataclasses.replace(SyntheticConfig(), **FIRST_LOOK_CORPUS)
    assert synthetic.representation == dataclasses.replace(emodb.representation, **FIRST_LOOK_INPUT)
    assert synthetic.train == dataclasses.replace(emodb.train, **FIRST_LOOK_TRAINING)
    assert emodb.train == TrainConfig(seeds=3)
    assert emodb.representation == DOORS["representation"][representation]()


@pytest.mark.parametrize("experiment", ["benchmark", "evidence"])
def test_planted_cues_and_times_have_the_training_of_recordings_of_people(experiment):
    config, full = make_config(Choices(experiment=experiment)), full_config(Choices(experiment=experiment))
    assert (config.corpus, config.representation, config.train) == (full.corpus, full.representation, full.train)


def test_the_benchmark_has_the_full_network_whatever_the_corpus():
    assert make_config(Choices(experiment="benchmark")).network == SimpleNetConfig()


def test_any_network_has_its_small_one_on_the_synthetic_corpus():
    for name in ("mobilenet", "simplenet"):
        config = make_config(Choices(network=name))
        assert config.network == NETWORKS[name]().small() != NETWORKS[name]()


@pytest.mark.parametrize("door", list(DOORS))
def test_what_a_door_does_not_have_is_refused_naming_what_it_has(door):
    names = ", ".join(DOORS[door])
    with pytest.raises(UserError, match=rf"^--{door}=nothing: must be one of {names}$"):
        make_config(Choices(**{door: "nothing"}))


@pytest.mark.parametrize(("door", "choice"), [(door, choice) for door, choices in DOORS.items() for choice in choices])
def test_every_choice_has_its_name_as_its_default_and_makes_a_config(door, choice):
    section = DOORS[door][choice]()
    assert section.name == choice
    assert hash(section) == hash(DOORS[door][choice]())
    assert getattr(Config(**{door: section}), door) == section
    assert getattr(make_config(Choices(**{door: choice})), door).name == choice


def test_without_the_smaller_network_the_synthetic_corpus_has_the_defaults_of_a_listed_one():
    full, listed = (full_config(Choices(corpus=corpus)) for corpus in ("synthetic", "listed"))
    assert full.corpus.name == "synthetic"
    assert dataclasses.replace(full, corpus=listed.corpus) == listed == make_config(Choices(corpus="listed"))


def test_default_config_is_that_of_the_same_choices_in_full_size():
    choices = Choices(protocol="published", corpus="emodb", network="mobilenet", data_dir="folder", seeds=2)
    changed = apply_overrides(make_config(choices), ["train.epochs=9", "network.width=0.5"])
    default = default_config(changed)
    assert default.network == MobileNetConfig()
    assert default.corpus == EmodbConfig(data_dir="folder", excluded_speakers=("09", "12"))
    assert default.split == PerCell(pinned_test=published.published_names())
    assert default.analysis == PUBLISHED_ANALYSIS
    assert (default.train.seeds, default.train.epochs) == (Config().train.seeds, Config().train.epochs)
    assert default.train.precision != "fastest"
    assert default_config(make_config(Choices(network="simplenet"))).network == SimpleNetConfig()


@pytest.mark.parametrize(("backend", "expected"), [("cpu", "float32"), ("gpu", "bfloat16")])
def test_the_fastest_precision_is_that_of_the_device(monkeypatch, backend, expected):
    monkeypatch.setattr(precision.jax, "default_backend", lambda: backend)
    assert with_device_defaults(Config()).train.precision == expected


def test_a_precision_that_was_chosen_stays():
    config = apply_overrides(Config(), ["train.precision=bfloat16"])
    assert with_device_defaults(config) == config


def test_the_size_of_the_evidence_chooses_other_sections_defaults():
    config = make_config(Choices(experiment="evidence"))
    small = with_evidence_size(apply_overrides(config, ["evidence.size=small"]), None)
    default = with_evidence_size(config, 2)
    assert (small.evidence.genders, default.evidence.genders) == (("female",), ("female", "male"))
    assert len(small.evidence.methods) == 4 < len(default.evidence.methods)
    assert (small.corpus.speakers_per_gender, default.corpus.speakers_per_gender) == (2, 3)
    assert (small.train.seeds, default.train.seeds) == (4, 2)
    assert small.corpus.emotions == EVIDENCE_CLASSES
    assert small.network == SimpleNetConfig(filters=(8, 16, 32), dense_units=64)


@pytest.mark.parametrize(("network", "max_frames"), [("simplenet", 64), ("vgg16", 64), ("inceptionv3", 107)])
def test_planted_recordings_have_the_frames_that_the_network_needs(network, max_frames):
    config = make_config(Choices(experiment="evidence", network=network))
    assert with_evidence_size(config, None).corpus.max_frames == max_frames


def test_the_evidence_keeps_another_network():
    config = make_config(Choices(experiment="evidence", network="mobilenet"))
    own = with_evidence_size(config, None)
    assert own.network == config.network
    # What SimpleNet learns a cue with lets other networks learn few.
    assert (own.train.epochs, own.train.batch_size, own.train.schedule) == (40, 8, "cosine")
    assert (own.representation.scale, own.representation.standardisation) == ("decibel", "per_bin")
    simplenet = with_evidence_size(make_config(Choices(experiment="evidence")), None)
    assert simplenet.train == dataclasses.replace(TrainConfig(), seeds=4, epochs=12, patience_epochs=12)
    assert simplenet.representation == Config().representation
