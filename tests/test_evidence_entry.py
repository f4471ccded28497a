"""Which networks, methods, groups and folds an entry must have, and what of them is no entry."""

import numpy as np
import pandas as pd
import pytest
from test_evidence_benchmark import GRID, N_SAMPLES, NAMES, RECORDINGS, SHAPE, TESTED, make_arrays, score

from convcam_jax.checks.evidence.entry import Entry, SoundsOfTest, n_networks, score_entry
from convcam_jax.checks.evidence.scoring import evidence_verdicts, member_means
from convcam_jax.corpora.synthetic.variants import with_strengths
from convcam_jax.system.errors import UserError


def test_methods_and_networks_are_the_same_at_all_strengths_of_a_cue(tmp_path):
    weak, strong = with_strengths("burst")[:2]
    recordings = pd.concat([RECORDINGS.assign(variant=name) for name in (weak, strong)])
    both = {
        name.replace("/burst/", f"/{variant}/"): array
        for variant in (weak, strong)
        for name, array in make_arrays().items()
    }
    entry = Entry(tmp_path / "maps.npz", both)
    assert len(score_entry(entry, recordings, TESTED, GRID)[1]) == 4
    fewer = {name: array for name, array in both.items() if f"/{strong}/1/" not in name}
    more = {name.replace("/ig/", "/lime/"): array for name, array in both.items() if f"/ig/{strong}/" in name}
    for given, message in (
        (
            fewer,
            rf"networks of burst .*; there are seeds 0, 1 in {weak} \(female\) and seeds 0 in {strong} \(female\)$",
        ),
        (
            both | more,
            rf"methods of burst .*; there are methods ig in {weak} \(female\) and methods ig, lime in {strong} ",
        ),
    ):
        with pytest.raises(UserError, match=message):
            score_entry(Entry(tmp_path / "maps.npz", given), recordings, TESTED, GRID)


def test_groups_are_the_same_at_all_strengths_of_a_cue(tmp_path):
    weak, strong = with_strengths("burst")[:2]
    groups = {"female": RECORDINGS, "male": RECORDINGS.assign(group="male", recording=RECORDINGS["recording"] + "_m")}
    recordings = pd.concat([own.assign(variant=name) for own in groups.values() for name in (weak, strong)])
    names = [*NAMES, *(f"{name}_m" for name in NAMES)]
    tested = SoundsOfTest(
        dict.fromkeys(names, N_SAMPLES),
        {name: TESTED.magnitude[name.removesuffix("_m")] for name in names},
        {name: TESTED.truth[name.removesuffix("_m")] for name in names},
    )
    given = {
        name.replace("/burst/", f"/{variant}/") + suffix * (name not in ("frequency_hz", "time_s")): array
        for variant, suffix in ((weak, ""), (strong, ""), (strong, "_m"))
        for name, array in make_arrays().items()
    }
    with pytest.raises(UserError, match=f"there are groups female in {weak} and groups female, male in {strong}$"):
        score_entry(Entry(tmp_path / "maps.npz", given), recordings, tested, GRID)


def test_methods_are_the_same_in_all_groups(tmp_path):
    """One that has maps of the easier group alone would be compared with those of both."""
    suffix = RECORDINGS["recording"] + "_m"
    recordings = pd.concat([RECORDINGS, RECORDINGS.assign(group="male", recording=suffix)])
    tested = SoundsOfTest(*({**own, **{f"{name}_m": own[name] for name in NAMES}} for own in TESTED))
    female = make_arrays()
    male = {f"{name}_m": array for name, array in female.items() if name not in ("frequency_hz", "time_s")}
    more = {name.replace("/ig/", "/lime/"): array for name, array in female.items() if "/ig/" in name}
    assert len(score_entry(Entry(tmp_path / "maps.npz", female | male), recordings, tested, GRID)[1]) == 4
    with pytest.raises(
        UserError,
        match=r"methods of burst .* in all .* methods ig, lime in burst \(female\) and methods ig in burst \(male\)$",
    ):
        score_entry(Entry(tmp_path / "maps.npz", female | male | more), recordings, tested, GRID)


IN_FOLDS = pd.concat(
    [
        RECORDINGS.assign(fold=fold, recording=RECORDINGS["recording"] + suffix)
        for fold, suffix in (("A", ""), ("B", "_B"))
    ]
)
TESTED_IN_FOLDS = SoundsOfTest(*({**own, **{f"{name}_B": own[name] for name in NAMES}} for own in TESTED))


def of_fold(suffix: str, seeds: tuple[int, int], shift: int = 0) -> dict[str, np.ndarray]:
    """Maps of one fold's recordings, whose networks have these seeds; `shift` frames away from the truth."""
    arrays = {"frequency_hz": GRID.frequency_hz, "time_s": GRID.time_s}
    for name, array in make_arrays().items():
        if name not in arrays:
            own = name.replace("/burst/0/", f"/burst/{seeds[0]}/").replace("/burst/1/", f"/burst/{seeds[1]}/")
            arrays[own + suffix] = np.roll(array, shift, axis=1) if name.startswith("network") else array
    return arrays


def test_the_folds_of_a_seed_are_one_network(tmp_path):
    """That of fold A is right throughout, and that of B marks nothing of the truth."""
    arrays = {**of_fold("", (0, 1)), **of_fold("_B", (0, 1), shift=5)}
    scores, members = score_entry(Entry(tmp_path / "maps.npz", arrays), IN_FOLDS, TESTED_IN_FOLDS, GRID)
    assert members[["fold", "seed"]].to_numpy().tolist() == [["A", 0], ["A", 1], ["B", 0], ["B", 1]]
    means = member_means(scores).query("score == 'relevance_mass'")
    assert means["seed"].tolist() == [0, 1]
    assert means["network"].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (of_fold("", (0, 1)), "predicted/burst/0/burst_a_B"),
        (of_fold("_B", (0, 1)), "predicted/burst/0/burst_a"),
        ({**of_fold("", (0, 1)), **of_fold("_B", (0, 0))}, "predicted/burst/1/burst_a_B"),
        ({**of_fold("", (0, 1)), **of_fold("_B", (2, 3))}, "predicted/burst/2/burst_a"),
    ],
)
def test_all_folds_have_maps_by_every_seed(given, missing, tmp_path):
    with pytest.raises(UserError, match=f"array {missing} is missing$"):
        score_entry(Entry(tmp_path / "maps.npz", given), IN_FOLDS, TESTED_IN_FOLDS, GRID)


def test_all_folds_have_maps_by_every_method(tmp_path):
    both = {**of_fold("", (0, 1)), **of_fold("_B", (0, 1))}
    more = {name.replace("/ig/", "/lime/"): array for name, array in of_fold("", (0, 1)).items() if "/ig/" in name}
    with pytest.raises(UserError, match=r"array network/lime/burst/0/burst_a_B is missing$"):
        score_entry(Entry(tmp_path / "maps.npz", both | more), IN_FOLDS, TESTED_IN_FOLDS, GRID)


def test_a_file_without_maps_is_refused(tmp_path):
    with pytest.raises(UserError, match="has no map; they are called network/METHOD"):
        score({"time_s": GRID.time_s}, tmp_path)


def test_networks_are_counted_once_whatever_their_folds():
    rows = [("gap", group, fold, seed) for group in ("a", "b") for fold in ("1", "2", "3") for seed in (0, 1)]
    members = pd.DataFrame([*rows, ("none", "a", "1", 0)], columns=["variant", "group", "fold", "seed"])
    assert n_networks(members) == 2 * 2 + 1


@pytest.mark.parametrize("change", [lambda own: own, lambda own: 3 * own, lambda own: np.where(own > 0, own, -0.1)])
def test_networks_that_are_one_network_are_refused(change, tmp_path):
    """Also at another scale, and with other values below 0, which no score sees."""
    arrays = make_arrays()
    for name in NAMES:
        arrays[f"network/ig/burst/1/{name}"] = change(arrays[f"network/ig/burst/0/{name}"])
    with pytest.raises(UserError, match=r"all maps of burst \(female\) are the same for the seeds 0 and 1; a SEED is"):
        score(arrays, tmp_path)
    # One other map is another network; and maps of nothing are alike.
    zero = {name: np.zeros(SHAPE) for name in arrays if name.startswith("network")}
    other = {f"network/ig/burst/1/{NAMES[2]}": np.random.default_rng(3).random(SHAPE)}
    for own in (other, zero):
        assert len(score(arrays | own, tmp_path)[1]) == 2


def with_energy(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """An entry with a control of its own, which ignores the networks."""
    energy = {
        f"{kind}/energy/burst/{seed}/{name}": TESTED.magnitude[name] ** 2
        for kind in ("network", "random_weights")
        for seed in (0, 1)
        for name in NAMES
    }
    return arrays | energy


def test_a_control_that_ignores_the_network_tells_no_networks_apart(tmp_path):
    arrays = make_arrays()
    assert len(score(with_energy(arrays), tmp_path)[1]) == 2
    alone = {name: array for name, array in with_energy(arrays).items() if "/ig/" not in name}
    assert len(score(alone, tmp_path)[1]) == 2
    same = {f"network/ig/burst/1/{name}": arrays[f"network/ig/burst/0/{name}"] for name in NAMES}
    with pytest.raises(UserError, match="are the same for the seeds 0 and 1"):
        score(with_energy(arrays) | same, tmp_path)


def test_networks_whose_maps_differ_in_one_fold_are_several(tmp_path):
    arrays = {**of_fold("", (0, 1)), **of_fold("_B", (0, 1))}
    same = {f"network/ig/burst/1/{name}": arrays[f"network/ig/burst/0/{name}"] for name in NAMES}
    entry = Entry(tmp_path / "maps.npz", arrays | same)
    assert len(score_entry(entry, IN_FOLDS, TESTED_IN_FOLDS, GRID)[1]) == 4
    both = same | {f"{name}_B": arrays[f"{name.replace('/1/', '/0/')}_B"] for name in same}
    with pytest.raises(UserError, match="are the same for the seeds 0 and 1"):
        score_entry(Entry(tmp_path / "maps.npz", arrays | both), IN_FOLDS, TESTED_IN_FOLDS, GRID)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_maps_of_random_weights_that_say_nothing_are_no_control(value, tmp_path):
    arrays = make_arrays()
    right = {f"predicted/burst/1/{name}": np.array(n) for n, name in enumerate(NAMES)}
    constant = {name: np.full(SHAPE, value) for name in arrays if name.startswith("random")}
    one = next(iter(constant))
    for own, verdict in (({}, "finds"), (constant, "no control"), (constant | {one: arrays[one]}, "no control")):
        found = evidence_verdicts(score(arrays | right | own, tmp_path)[0], 3).iloc[0]
        assert found["verdict"] == verdict
        nothing = "its maps with random weights say too little: relevance mass 1.00"
        assert (nothing in found["sentence"]) == (verdict == "no control")
        assert ("energy and none with random weights" in found["sentence"]) == (own is constant)
