"""What each part of a training brings: which trainings are compared, their table by hand, and the whole of it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from reads import no_ignored_field_is_read
from small_run import SMALL_CORPUS, SMALL_NETWORK, finish, refusal, table

from convcam_jax.checks.training_parts.gains import gains
from convcam_jax.settings.flags import read_flags
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config
from convcam_jax.settings.training_parts import AS_GIVEN, TRAINING_PARTS, configs_without_parts
from convcam_jax.stages.ablations import training_ablation
from convcam_jax.stages.record import run_record
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import write_json
from convcam_jax.system.process.lock import locked
from convcam_jax.training.config import TrainConfig
from experiments import descriptions
from experiments import training_ablation as experiment
from experiments.command import config_of

# Fields of the training that are not a part of it which could be left out.
NO_PARTS = {
    *("seeds", "first_seed", "epochs", "patience_epochs", "batch_size", "learning_rate"),
    *("precision", "kept_precision", "members_at_once", "checkpoint_interval_s"),
}


def history(rows: list[tuple]) -> pd.DataFrame:
    columns = ["group", "fold", "seed", "epoch", "train_loss", "train_accuracy", "validation_loss"]
    return pd.DataFrame(rows, columns=[*columns, "validation_accuracy"])


def folds(rows: list[tuple]) -> pd.DataFrame:
    """So many recordings for validation in each group and fold, and one for training."""
    own = [(group, fold, split) for group, fold, n in rows for split in ["train", *["validation"] * n]]
    return pd.DataFrame(own, columns=["group", "fold", "split"])


def test_every_field_of_the_training_is_in_one_part_or_in_none():
    fields = [name for own in TRAINING_PARTS.values() for name in own]
    assert len(fields) == len(set(fields))
    assert {field.name for field in dataclasses.fields(TrainConfig)} == NO_PARTS | set(fields)


def test_trainings_differ_in_one_part_alone():
    config = make_config(Choices("training_ablation", protocol="modern", corpus="emodb", data_dir="x"))
    found = configs_without_parts(config)
    off = {"gain", "filter", "masks", "class_weights", "clip_norm"}
    assert list(found) == [AS_GIVEN, *(part for part in TRAINING_PARTS if part not in off)]
    for part, own in found.items():
        assert own == dataclasses.replace(config, experiment="paper", train=own.train)
        changed = {name for name in vars(own.train) if getattr(own.train, name) != getattr(config.train, name)}
        assert changed == set(TRAINING_PARTS.get(part, ()))
    schedule = found["schedule"].train
    assert (schedule.schedule, schedule.warmup_epochs, schedule.epochs) == ("constant", 0, 40)


def test_a_training_without_parts_is_refused_before_anything_is_written(tmp_path):
    flags = (
        "--experiment=training_ablation",
        "--corpus=emodb",
        f"--data_dir={tmp_path}",
        f"--workdir={tmp_path / 'w'}",
    )
    message = "nothing that could be left out; add --protocol=modern, or a part such as --set=train.mixup=0.2"
    assert message in refusal(*flags)
    assert list((tmp_path / "w").rglob("*.csv")) == []


@pytest.fixture
def without_mixup(tmp_path, monkeypatch):
    """A training with two parts, and the folder of the last one of its runs, none of which must be begun."""
    monkeypatch.setattr(training_ablation.beginning, "begin", lambda _: pytest.fail("a run is begun"))
    parts = ["train.shift_bins=2", "train.mixup=0.2"]
    config = apply_overrides(make_config(Choices("training_ablation", corpus="emodb", data_dir="x")), parts)
    return RunSettings(config, tmp_path, tmp_path), tmp_path / "runs" / "without_mixup"


def test_a_training_that_is_in_use_elsewhere_is_refused_before_the_first(without_mixup):
    settings, last = without_mixup
    with locked(last), pytest.raises(UserError, match="runs/without_mixup: is in use by process"):
        training_ablation.train(settings, configs_without_parts(settings.config))


def test_settings_that_do_not_fit_a_later_training_are_refused_before_the_first(without_mixup):
    settings, last = without_mixup
    earlier = configs_without_parts(apply_overrides(settings.config, ["train.epochs=9"]))
    write_json(last / "config.json", run_record(earlier["mixup"], []))
    with pytest.raises(UserError, match=r"runs/without_mixup: holds .* differing in train\.epochs \(9 there, 5 now\)"):
        training_ablation.train(settings, configs_without_parts(settings.config))


def test_gains_are_those_of_the_last_epoch_seed_by_seed():
    given = history(
        [
            ("female", "all", 0, 1, 9, 9, 9.0, 0.1),
            ("female", "all", 0, 2, 9, 9, 0.5, 0.8),
            ("female", "all", 1, 1, 9, 9, 0.7, 0.6),
            ("male", "all", 0, 1, 9, 9, 0.3, 1.0),
            ("male", "all", 1, 1, 9, 9, 0.1, 0.9),
        ]
    )
    without = given.assign(
        validation_accuracy=given["validation_accuracy"] - [0, 0.1, 0.3, 0, 0.1],
        validation_loss=given["validation_loss"] + [0, 0.2, 0.2, 0.1, 0.3],
    )
    of_two = folds([("female", "all", 7), ("male", "all", 3)])
    rows = gains({AS_GIVEN: given, "mixup": without.iloc[::-1]}, AS_GIVEN, of_two).set_index(["group", "without"])
    assert list(rows.index) == [(group, name) for group in ("female", "male", "all") for name in (AS_GIVEN, "mixup")]
    assert rows["seeds"].tolist() == [2] * 6
    female = rows.loc[("female", "mixup")]
    assert female[["accuracy", "accuracy_gain", "loss", "loss_gain"]].tolist() == pytest.approx([0.5, 0.2, 0.8, -0.2])
    # Student's t of one degree of freedom is 12.706, and the deviation of 0.1 and 0.3 over the root of two is 0.1.
    assert female[["accuracy_gain_low", "accuracy_gain_high"]].tolist() == pytest.approx([-1.0706, 1.4706], abs=1e-4)
    assert female[["loss_gain_low", "loss_gain_high"]].tolist() == pytest.approx([-0.2, -0.2])
    # Of both: seed 0 has 0.1 / 2, seed 1 (0.3 + 0.1) / 2.
    both = rows.loc[("all", "mixup")]
    assert both[["accuracy", "accuracy_gain", "loss_gain"]].tolist() == pytest.approx([0.7, 0.125, -0.2])
    assert rows.loc[("all", AS_GIVEN), "accuracy"] == pytest.approx(0.825)
    # 0.7 -+ 1.27 of accuracies, 0.6 -+ 1.27 nats of losses.
    limits = [f"{score}_{end}" for score in ("accuracy", "loss") for end in ("low", "high")]
    assert rows.loc[("female", AS_GIVEN), limits].tolist() == pytest.approx([0, 1, 0, 1.8706], abs=1e-4)
    assert rows.xs(AS_GIVEN, level="without").filter(like="gain").isna().all(axis=None)


def test_folds_of_a_seed_count_as_one_value_by_their_recordings():
    rows = [("all", fold, seed, 1, 9, 9, 0.5, score) for seed in (0, 1) for fold, score in (("a", 0.2), ("b", 0.6))]
    found = gains({AS_GIVEN: history(rows)}, AS_GIVEN, folds([("all", "a", 3), ("all", "b", 9)]))
    # A quarter of them has 0.2, the others 0.6.
    assert found[["group", "seeds", "accuracy"]].to_numpy().tolist() == [["all", 2, pytest.approx(0.5)]]


def test_a_group_may_be_called_all():
    rows = [(group, "all", seed, 1, 9, 9, 0.5, score) for seed in (0, 1) for group, score in (("all", 0.9), ("x", 0.1))]
    found = gains({AS_GIVEN: history(rows)}, AS_GIVEN, folds([("all", "all", 4), ("x", "all", 5)]))
    assert found[["group", "accuracy"]].to_numpy().tolist() == [["all", 0.9], ["x", 0.1]]


@pytest.mark.slow
def test_each_part_is_left_out_and_what_is_trained_is_not_trained_again(tmp_path, run_cache_dir):
    workdir = tmp_path / "w"
    flags = ("--experiment=training_ablation", "--seeds=2", *SMALL_NETWORK, *SMALL_CORPUS, "--set=train.epochs=1")
    flags += ("--set=train.schedule=constant", "--set=train.shift_frames=0")
    config = config_of(read_flags(flags, descriptions()))
    with no_ignored_field_is_read("training_ablation"):
        experiment.run(RunSettings(config, workdir, run_cache_dir))
    rows = table(workdir, "tables/training_ablation.csv")
    assert rows["without"].tolist() == [AS_GIVEN, "shift_bins"] * 3
    histories = {name: table(workdir, f"runs/{name}/history.csv") for name in (AS_GIVEN, "without_shift_bins")}
    for group in ("female", "male"):
        ours = rows[rows["group"] == group].set_index("without")
        mean = histories["without_shift_bins"].query("group == @group")["validation_loss"].mean()
        assert ours.loc["shift_bins", "loss"] == pytest.approx(mean)
        differences = histories[AS_GIVEN]["validation_loss"] - histories["without_shift_bins"]["validation_loss"]
        own = histories[AS_GIVEN]["group"] == group
        assert ours.loc["shift_bins", "loss_gain"] == pytest.approx(differences[own].mean())
        assert not np.isclose(differences[own], 0).all()
    before = (workdir / "tables" / "training_ablation.csv").read_bytes()
    said = finish(workdir, run_cache_dir, *flags)
    assert "training round" not in said
    assert (workdir / "tables" / "training_ablation.csv").read_bytes() == before
