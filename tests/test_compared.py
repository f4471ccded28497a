"""The configs of what is compared and measured, and changes that would be those of nothing."""

import dataclasses
import re

import pytest

from convcam_jax.networks import NETWORKS
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.representations.mel import Mel
from convcam_jax.settings.compared import compared_configs, compared_evidence
from convcam_jax.settings.config import Config
from convcam_jax.settings.flags import read_flags
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config
from convcam_jax.system.errors import UserError
from experiments import command, descriptions


def configured(experiment: str, *arguments: str) -> Config:
    return command.config_of(read_flags((f"--experiment={experiment}", *arguments), descriptions()))


def test_runs_differ_in_network_and_representation_alone():
    config = make_config(Choices("networks", network="mobilenet", corpus="emodb", data_dir="x"))
    config = apply_overrides(config, ["networks.networks=mobilenet,simplenet", "networks.representations=cqt,mel"])
    config = apply_overrides(config, ["network.width=0.5", "train.epochs=7", "representation.scale=decibel"])
    runs = compared_configs(config)
    assert list(runs) == ["mobilenet-cqt", "mobilenet-mel", "simplenet-cqt", "simplenet-mel"]
    assert runs["mobilenet-mel"].network == MobileNetConfig(width=0.5)
    assert runs["simplenet-cqt"].network == NETWORKS["simplenet"]()
    assert runs["simplenet-mel"].representation == Mel(scale="decibel")
    shared = {"experiment": "paper", "network": None, "representation": None, "networks": None}
    for own in runs.values():
        assert dataclasses.replace(own, **{n: getattr(config, n) for n in shared}) == config
        assert own.experiment == "paper"


def test_networks_are_small_on_the_embedded_corpus_and_where_cues_are_planted():
    config = apply_overrides(make_config(Choices("networks")), ["networks.networks=simplenet,resnet_small"])
    runs = compared_configs(config)
    assert runs["resnet_small-cqt"].network == config.network
    assert runs["simplenet-cqt"].network == NETWORKS["simplenet"]().small()
    planted = compared_evidence(runs)
    assert list(planted) == list(runs)
    own = planted["resnet_small-cqt"]
    assert (own.experiment, own.evidence.size, own.network.name) == ("evidence", "small", "resnet_small")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("networks.networks=simplenet,simplenett", "networks.networks=simplenett: .* simplenet"),
        ("networks.networks=simplenet,simplenet", "networks.networks: has one of them twice"),
        ("networks.representations=", "networks.representations: needs at least one"),
    ],
)
def test_what_cannot_be_compared_is_refused(assignment, message):
    with pytest.raises(UserError, match=message):
        apply_overrides(make_config(Choices("networks")), [assignment])


@pytest.mark.parametrize(
    ("experiment", "flag", "other"),
    [
        ("networks", "--network=crnn", "networks.networks=simplenet,mobilenet,resnet_small"),
        ("networks", "--representation=mel", "networks.representations=cqt"),
        ("benchmark", "--network=crnn", "benchmark.networks=simplenet"),
    ],
)
def test_a_flag_for_what_is_not_compared_is_refused(experiment, flag, other):
    name = flag.partition("=")[2]
    # What is there by default, as resnet_small on the embedded corpus, need not be in the list.
    assert configured(experiment, f"--set={other}")
    with pytest.raises(UserError, match=rf"^{flag}: is not in {other.partition('=')[0]}; add --set={other},{name} or"):
        configured(experiment, f"--set={other}", flag)
    assert configured(experiment, f"--set={other},{name}", flag)


def test_planted_evidence_is_explained_as_the_runs_are():
    given = ["attribution.method=layercam", "attribution.score=softmax"]
    runs = compared_configs(apply_overrides(make_config(Choices("networks")), given))
    for name, own in compared_evidence(runs).items():
        assert (own.attribution.method, own.attribution.score) == ("layercam", "softmax"), name


@pytest.mark.parametrize(
    ("experiment", "compared", "change", "what", "advice"),
    [
        (
            *("networks", "networks.representations=mel,stft", "representation.n_bins=64"),
            *(
                "of cqt, which is not in networks.representations",
                "add --representation=mel, the one that it then holds",
            ),
        ),
        (
            *("networks", "networks.networks=crnn,simplenet", "network.filters=8,16,32"),
            *("of resnet_small, which is not in networks.networks", "add --network=crnn, the one that it then holds"),
        ),
        (
            *("benchmark", "benchmark.networks=vgg16,crnn", "network.dropout_rate=0.2"),
            *("of simplenet, which is not in benchmark.networks", "add --network=crnn, the one that it then holds"),
        ),
        (
            *("benchmark", "benchmark.networks=vgg16", "network.dropout_rate=0.2"),
            *("of simplenet, which is not in benchmark.networks", "leave it out"),
        ),
    ],
)
def test_a_change_of_what_is_not_compared_is_refused(experiment, compared, change, what, advice):
    field = change.partition("=")[0]
    with pytest.raises(UserError, match=rf"^--set={field}: is {what}; {advice}"):
        configured(experiment, f"--set={compared}", f"--set={change}")
    # Where it is compared the change is its own.
    own = re.fullmatch("of (.*), which .*", what)[1]
    assert configured(experiment, f"--set={compared},{own}", f"--set={change}")


def test_what_all_inputs_share_may_be_changed_whichever_are_compared():
    changes = ("representation.scale=square_root", "representation.standardisation=per_bin")
    given = ("networks.representations=mel,stft", *changes)
    runs = compared_configs(configured("networks", *(f"--set={one}" for one in given)))
    inputs = {name: (own.representation.scale, own.representation.standardisation) for name, own in runs.items()}
    assert len(inputs) == 6
    assert set(inputs.values()) == {("square_root", "per_bin")}
