import json

import pytest

from convcam_jax.corpora.emodb import EmodbConfig
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.representations.mel import Mel
from convcam_jax.settings.config import DOORS, Config
from convcam_jax.settings.overrides import apply_overrides, flatten, parse, restore
from convcam_jax.system.errors import UserError

# One other value for every field that can be set.
OTHERS = {
    "benchmark.members": ("20,10", (20, 10)),
    "benchmark.networks": ("vgg16,simplenet", ("vgg16", "simplenet")),
    "networks.networks": ("crnn,vgg16", ("crnn", "vgg16")),
    "networks.representations": ("mel", ("mel",)),
    "networks.evidence": ("true", True),
    "corpus.name": ("emodb", "emodb"),
    "corpus.data_dir": ("some/folder = here", "some/folder = here"),
    "corpus.models_per": ("speaker", "speaker"),
    "corpus.channels": ("mix", "mix"),
    "corpus.emotions": ("anger, sadness", ("anger", "sadness")),
    "corpus.labels": ("happy:happiness, joy:happiness", ("happy:happiness", "joy:happiness")),
    "corpus.excluded_speakers": ("03,09", ("03", "09")),
    "corpus.longer": ("crop", "crop"),
    "corpus.max_frames": ("100", 100),
    "corpus.on_error": ("skip", "skip"),
    "corpus.seed": ("7", 7),
    "corpus.speakers_per_gender": ("2", 2),
    "corpus.texts": ("5", 5),
    "corpus.versions": ("2", 2),
    "representation.name": ("mel", "mel"),
    "representation.sample_rate_hz": ("22050", 22050),
    "representation.cqt_sample_rate_hz": ("24000", 24000),
    "representation.hop_samples": ("256", 256),
    "representation.n_bins": ("84", 84),
    "representation.bins_per_octave": ("24", 24),
    "representation.lowest_bin_hz": ("27.5", 27.5),
    "representation.scale": ("decibel", "decibel"),
    "representation.standardisation": ("per_bin", "per_bin"),
    "prosody.f0_floor_hz": ("60", 60.0),
    "prosody.f0_ceiling_hz": ("5e2", 500.0),
    "prosody.f0_step_s": (".005", 0.005),
    "split.name": ("leave_one_speaker_out", "leave_one_speaker_out"),
    "split.seed": ("3", 3),
    "split.parts": ("5", 5),
    "split.pinned_test": ("03a01Fa", ("03a01Fa",)),
    "network.name": ("mobilenet", "mobilenet"),
    "network.filters": ("4,5,6", (4, 5, 6)),
    "network.dense_units": ("8", 8),
    "network.dropout_rate": ("0", 0.0),
    "train.seeds": ("2", 2),
    "train.first_seed": ("5", 5),
    "train.epochs": ("20", 20),
    "train.patience_epochs": ("9", 9),
    "train.batch_size": ("32", 32),
    "train.learning_rate": ("1e-4", 1e-4),
    "train.warmup_epochs": ("2", 2),
    "train.schedule": ("cosine", "cosine"),
    "train.weight_decay": ("0.01", 0.01),
    "train.average_decay": ("0.9", 0.9),
    "train.class_weights": ("balanced", "balanced"),
    "train.clip_norm": ("1", 1.0),
    "train.label_smoothing": ("0.1", 0.1),
    "train.shift_bins": ("2", 2),
    "train.shift_frames": ("10", 10),
    "train.masked_bins": ("8", 8),
    "train.masked_frames": ("20", 20),
    "train.gain": ("1.5", 1.5),
    "train.filter_db": ("3", 3.0),
    "train.mixup": ("0.2", 0.2),
    "train.precision": ("float32", "float32"),
    "train.kept_precision": ("float32", "float32"),
    "train.members_at_once": ("3", 3),
    "train.checkpoint_interval_s": ("0", 0.0),
    "attribution.method": ("hirescam", "hirescam"),
    "attribution.layer": ("convolution_2", "convolution_2"),
    "attribution.target": ("predicted", "predicted"),
    "attribution.baseline": ("blurred", "blurred"),
    "attribution.score": ("softmax", "softmax"),
    "attribution.seed": ("3", 3),
    "attribution.precision": ("bfloat16", "bfloat16"),
    "analysis.map_placement": ("stretched", "stretched"),
    "analysis.f0_reading": ("resized_with_zeros", "resized_with_zeros"),
    "analysis.isolated_voiced_frame": ("extended", "extended"),
    "analysis.table3_metric": ("q_mse", "q_mse"),
    "analysis.table4_metric": ("f0_frame_rmse_semitones", "f0_frame_rmse_semitones"),
    "analysis.chosen_by": ("test_accuracy", "test_accuracy"),
    "analysis.table_digits": ("truncated", "truncated"),
    "analysis.trajectory_threshold": ("0.25", 0.25),
    "analysis.mask_threshold": ("0.2", 0.2),
    "given_maps.free_from_colours": ("false", False),
    "controls.permutations": ("50", 50),
    "controls.shifts": ("500", 500),
    "controls.seed": ("4", 4),
    "controls.false_discovery_rate": ("0.1", 0.1),
    "benchmark.size": ("short", "short"),
    "benchmark.tasks": ("explaining", ("explaining",)),
    "report.thresholds": ("0.3,0.6", (0.3, 0.6)),
    "report.random_masks": ("2", 2),
    "report.seed": ("1", 1),
    "sanity.seeds": ("1", 1),
    "sanity.shuffled_label_seeds": ("0", 0),
    "faithfulness.seeds": ("2", 2),
    "faithfulness.steps": ("4", 4),
    "evidence.size": ("small", "small"),
    "evidence.variants": ("f0,burst", ("f0", "burst")),
    "evidence.strengths": ("all", "all"),
    "evidence.genders": ("male", ("male",)),
    "evidence.methods": ("gradcam++,layercam", ("gradcam++", "layercam")),
    "evidence.truth_threshold": ("0.3", 0.3),
    "evidence.explanation_metrics": ("true", True),
}


def test_every_field_of_a_section_is_listed_here():
    assert set(OTHERS) == {name for name in flatten(Config()) if "." in name}


# These have flags of their own.
FLAGS = ("corpus.data_dir", "train.seeds", *(f"{door}.name" for door in DOORS))


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in FLAGS])
def test_every_field_can_be_set_and_nothing_else_changes(name):
    text, value = OTHERS[name]
    before, after = flatten(Config()), flatten(apply_overrides(Config(), [f"{name}={text}"]))
    assert before[name] != value
    assert after == {**before, name: value}
    assert type(after[name]) is type(value)


def test_later_changes_win_and_the_given_config_stays():
    config = Config()
    changed = apply_overrides(config, ["train.epochs=3", "train.batch_size=8", "train.epochs=5"])
    assert (changed.train.epochs, changed.train.batch_size) == (5, 8)
    assert config == Config()


@pytest.mark.parametrize("order", [1, -1])
def test_values_that_are_allowed_only_together_may_come_in_any_order(order):
    changes = ["representation.n_bins=108", "representation.cqt_sample_rate_hz=33200"]
    representation = apply_overrides(Config(), changes[::order]).representation
    assert (representation.n_bins, representation.cqt_sample_rate_hz) == (108, 33200)
    with pytest.raises(UserError, match=r"^config field representation\.n_bins: must be at most 96"):
        apply_overrides(Config(), changes[:1])


def test_an_empty_text_is_an_empty_tuple():
    assert apply_overrides(Config(), ["split.pinned_test="]).split.pinned_test == ()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epoch=20", "--set=train.epoch: there is no such field; the nearest is train.epochs"),
        ("network.filter=1,2,3", "--set=network.filter: there is no such field; the nearest is network.filters"),
        ("epochs=20", "--set=epochs: there is no such field; the nearest is train.epochs"),
        # Flags of their own.
        ("protocol=published", "--set=protocol: is a flag of its own, --protocol"),
        ("corpus.name=emodb", "--set=corpus.name: is a flag of its own, --corpus"),
        ("corpus.corpora=emodb,tess", "--set=corpus.corpora: is a flag of its own, --corpus"),
        ("corpus.data_dir=x", "--set=corpus.data_dir: is a flag of its own, --data_dir"),
        ("network.name=mobilenet", "--set=network.name: is a flag of its own, --network"),
        ("representation.name=mel", "--set=representation.name: is a flag of its own, --representation"),
        ("split.name=per_cell", "--set=split.name: is a flag of its own, --split"),
        ("train.seeds=5", "--set=train.seeds: is a flag of its own, --seeds"),
        ("experiment=benchmark", "--set=experiment: is a flag of its own, --experiment"),
        ("network=crnn", "--set=network: is a flag of its own, --network"),
        ("corpus=emodb", "--set=corpus: is a flag of its own, --corpus"),
        ("data_dir=x", "--set=data_dir: is a flag of its own, --data_dir"),
        ("seeds=3", "--set=seeds: is a flag of its own, --seeds"),
        ("workdir=x", "--set=workdir: is a flag of its own, --workdir"),
        (
            "train.seed=3",
            "--set=train.seed: there is no such field; the nearest is train.seeds, a flag of its own, --seeds",
        ),
        ("train.epochs", "--set=train.epochs: write it as --set=FIELD=VALUE"),
        ("train.epochs=many", "--set=train.epochs=many: must be a whole number, such as 3"),
        ("train.epochs=2.5", "--set=train.epochs=2.5: must be a whole number, such as 3"),
        ("train.epochs=1_5", "--set=train.epochs=1_5: must be a whole number, such as 3"),
        ("train.learning_rate=0_1", "--set=train.learning_rate=0_1: must be a number, such as 0.5"),
        ("train.learning_rate=fast", "--set=train.learning_rate=fast: must be a number, such as 0.5"),
        ("network.filters=4,x,6", "--set=network.filters=x: must be a whole number, such as 3"),
        (
            "train.precision=float31",
            "--set=train.precision=float31: must be one of fastest, float32, bfloat16; the nearest is float32",
        ),
        # Choices that a table of another room gives.
        ("attribution.method=hirescan", "--set=attribution.method=hirescan: must be one of gradcam, "),
        (
            "analysis.table3_metric=f0_mse",
            "--set=analysis.table3_metric=f0_mse: must be one of ",
        ),
        ("evidence.methods=gradcam,layercan", "--set=evidence.methods=layercan: must be one of gradcam, "),
        # A field of a choice that was not chosen.
        (
            "network.recurrent_units=8",
            "--set=network.recurrent_units: there is no such field; it is of crnn, which --network chooses",
        ),
        ("network.width=0.5", "--set=network.width: there is no such field; it is of mobilenet, vgg16, "),
        # A section.
        ("networks=crnn", "--set=networks: there is no such field; there are networks.networks, "),
        ("attribution.layer=block_13", "config field attribution.layer: must be one of convolution_3"),
        ("train.epochs=0", "config field train.epochs: must lie in 1..1000000"),
        ("train.epochs=9999999", "config field train.epochs: must lie in 1..1000000"),
        ("train.batch_size=1000000", "config field train.batch_size: must lie in 1..100000"),
        ("corpus.max_frames=100000000", "config field corpus.max_frames: must lie in 1..100000"),
        ("network.dense_units=99999999999999999999", "--set=network.dense_units=99999999999999999999: must be a whole"),
        ("corpus.emotions=anger\nfear,joy", "anger fear,joy: has a line break in it; put the part that has it in"),
    ],
)
def test_errors_name_the_field_and_the_nearest_right_one(assignment, message):
    with pytest.raises(UserError) as error:
        apply_overrides(Config(), [assignment])
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_part_with_a_line_break_stands_in_quotes():
    corpus = apply_overrides(Config(), ['corpus.emotions="anger\nfear",joy']).corpus
    assert corpus.emotions == ("anger\nfear", "joy")


def test_numbers_that_are_not_finite_are_refused():
    for text in ("nan", "inf", "-inf"):
        with pytest.raises(UserError, match="learning_rate"):
            apply_overrides(Config(), [f"train.learning_rate={text}"])


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_booleans(text, value):
    assert parse(text, bool, "field") is value


def test_other_words_are_no_booleans():
    with pytest.raises(UserError, match="--set=field=yes: must be true or false"):
        parse("yes", bool, "field")


def test_flatten_keeps_the_order_of_definition():
    names = list(flatten(Config()))
    assert names[:3] == ["experiment", "protocol", "corpus.name"]
    assert names.index("train.epochs") + 1 == names.index("train.patience_epochs")


def test_a_config_comes_back_from_its_flat_json():
    others = [f"{name}={text}" for name, (text, _) in OTHERS.items() if name not in FLAGS]
    config = apply_overrides(Config(protocol="published"), others)
    assert restore(json.loads(json.dumps(flatten(config)))) == config


@pytest.mark.parametrize(("door", "choice"), [(door, choice) for door, choices in DOORS.items() for choice in choices])
def test_a_config_of_every_choice_of_every_door_comes_back(door, choice):
    config = Config(**{door: DOORS[door][choice]()})
    flat = flatten(config)
    assert flat[f"{door}.name"] == choice
    assert restore(json.loads(json.dumps(flat))) == config


def test_all_choices_together_come_back_with_their_own_fields_changed():
    corpus = EmodbConfig(data_dir="folder", excluded_speakers=("09",), models_per="all")
    config = Config(corpus=corpus, representation=Mel(n_bins=64), network=MobileNetConfig(width=0.5))
    changed = apply_overrides(config, ["network.width=0.25", "attribution.layer=block_3"])
    assert changed.network == MobileNetConfig(width=0.25)
    assert restore(json.loads(json.dumps(flatten(changed)))) == changed


def test_fields_of_a_door_are_those_of_what_was_chosen():
    simplenet, mobilenet = (flatten(Config(network=DOORS["network"][n]())) for n in ("simplenet", "mobilenet"))
    assert "network.filters" in simplenet
    assert "network.filters" not in mobilenet
    assert "network.width" in mobilenet
    with pytest.raises(UserError, match=r"--set=network\.filters: there is no such field"):
        apply_overrides(Config(network=MobileNetConfig()), ["network.filters=1,2,3"])


@pytest.mark.parametrize(
    ("assignment", "nearest"),
    [
        ("attribution.method=hirescan", "hirescam"),
        ("evidence.methods=gradcam,layercan", "layercam"),
        ("analysis.table3_metric=q_rms", "q_rmse"),
        ("evidence.genders=females", "female"),
    ],
)
def test_of_named_choices_the_nearest_is_told(assignment, nearest):
    with pytest.raises(UserError, match=rf"; the nearest is {nearest}$"):
        apply_overrides(Config(), [assignment])


@pytest.mark.parametrize(
    ("flat", "message"),
    [
        ({"network.name": "resnet"}, r"network\.name: must be one of simplenet, mobilenet, vgg16"),
        ({"network.name": "mobilenet", "network.filters": [1, 2, 3]}, r"network\.filters: there is no such field"),
    ],
)
def test_a_flat_config_of_no_choice_or_with_anothers_field_is_refused(flat, message):
    with pytest.raises(UserError, match=message):
        restore(flat)


def test_fields_that_a_flat_config_lacks_get_their_defaults():
    assert restore({"train.epochs": 3}) == apply_overrides(Config(), ["train.epochs=3"])


def test_an_unknown_field_of_a_flat_config_is_refused():
    with pytest.raises(UserError, match=r"config field train\.momentum: there is no such field"):
        restore({"train.momentum": 0.9})
