import json

import pytest

from convcam_jax.settings.config import Config, CorpusConfig
from convcam_jax.settings.overrides import apply_overrides, flatten, parse, restore
from convcam_jax.system.errors import UserError

# One other value for every field that can be set.
OTHERS = {
    "corpus.name": ("emodb", "emodb"),
    "corpus.data_dir": ("some/folder = here", "some/folder = here"),
    "corpus.emotions": ("anger, sadness", ("anger", "sadness")),
    "corpus.excluded_speakers": ("03,09", ("03", "09")),
    "corpus.max_frames": ("100", 100),
    "corpus.on_error": ("skip", "skip"),
    "synthetic.seed": ("7", 7),
    "synthetic.speakers_per_gender": ("2", 2),
    "synthetic.texts": ("5", 5),
    "features.sample_rate_hz": ("22050", 22050),
    "features.cqt_sample_rate_hz": ("24000", 24000),
    "features.hop_samples": ("256", 256),
    "features.cqt_bins": ("84", 84),
    "features.bins_per_octave": ("24", 24),
    "features.lowest_bin_hz": ("27.5", 27.5),
    "features.scale": ("decibel", "decibel"),
    "features.f0_floor_hz": ("60", 60.0),
    "features.f0_ceiling_hz": ("5e2", 500.0),
    "features.f0_step_s": (".005", 0.005),
    "split.seed": ("3", 3),
    "split.parts": ("5", 5),
    "split.pinned_test": ("03a01Fa", ("03a01Fa",)),
    "model.filters": ("4,5,6", (4, 5, 6)),
    "model.dense_units": ("8", 8),
    "model.dropout_rate": ("0", 0.0),
    "train.seeds": ("2", 2),
    "train.first_seed": ("5", 5),
    "train.epochs": ("20", 20),
    "train.patience_epochs": ("9", 9),
    "train.batch_size": ("32", 32),
    "train.learning_rate": ("1e-4", 1e-4),
    "train.precision": ("float32", "float32"),
    "train.members_at_once": ("3", 3),
    "train.checkpoint_interval_s": ("0", 0.0),
    "cam.method": ("hirescam", "hirescam"),
    "cam.target": ("predicted", "predicted"),
    "cam.score": ("softmax", "softmax"),
    "cam.precision": ("bfloat16", "bfloat16"),
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
    "controls.resamples": ("10", 10),
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
    "evidence.genders": ("male", ("male",)),
    "evidence.methods": ("gradcam++,layercam", ("gradcam++", "layercam")),
    "evidence.truth_threshold": ("0.3", 0.3),
}


def test_every_field_of_a_section_is_listed_here():
    assert set(OTHERS) == {name for name in flatten(Config()) if "." in name}


# These have flags of their own.
FLAGS = ("corpus.name", "corpus.data_dir")


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
    changes = ["features.cqt_bins=108", "features.cqt_sample_rate_hz=33200"]
    features = apply_overrides(Config(), changes[::order]).features
    assert (features.cqt_bins, features.cqt_sample_rate_hz) == (108, 33200)
    with pytest.raises(UserError, match=r"^config field features\.cqt_bins: must be at most 96"):
        apply_overrides(Config(), changes[:1])


def test_an_empty_text_is_an_empty_tuple():
    assert apply_overrides(Config(), ["split.pinned_test="]).split.pinned_test == ()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epoch=20", "--set=train.epoch: there is no such field; the nearest is train.epochs"),
        ("model.filter=1,2,3", "--set=model.filter: there is no such field; the nearest is model.filters"),
        ("epochs=20", "--set=epochs: there is no such field; the nearest is train.epochs"),
        # Flags of their own.
        ("protocol=published", "--set=protocol: is a flag of its own, --protocol"),
        ("corpus.name=emodb", "--set=corpus.name: is a flag of its own, --corpus"),
        ("corpus.data_dir=x", "--set=corpus.data_dir: is a flag of its own, --data_dir"),
        ("train.epochs", "--set=train.epochs: write it as --set=FIELD=VALUE"),
        ("train.epochs=many", "--set=train.epochs=many: must be a whole number, such as 3"),
        ("train.epochs=2.5", "--set=train.epochs=2.5: must be a whole number, such as 3"),
        ("train.learning_rate=fast", "--set=train.learning_rate=fast: must be a number, such as 0.5"),
        ("model.filters=4,x,6", "--set=model.filters=x: must be a whole number, such as 3"),
        (
            "train.precision=float31",
            "--set=train.precision=float31: must be one of float32, bfloat16; the nearest is float32",
        ),
        ("train.epochs=0", "config field train.epochs: must be at least 1"),
    ],
)
def test_errors_name_the_field_and_the_nearest_right_one(assignment, message):
    with pytest.raises(UserError) as error:
        apply_overrides(Config(), [assignment])
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


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
    config = apply_overrides(Config(protocol="published", corpus=CorpusConfig(name="emodb")), others)
    assert restore(json.loads(json.dumps(flatten(config)))) == config


def test_fields_that_a_flat_config_lacks_get_their_defaults():
    assert restore({"train.epochs": 3}) == apply_overrides(Config(), ["train.epochs=3"])


def test_an_unknown_field_of_a_flat_config_is_refused():
    with pytest.raises(UserError, match=r"config field train\.momentum: there is no such field"):
        restore({"train.momentum": 0.9})
