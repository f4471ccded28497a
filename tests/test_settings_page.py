"""The page of all fields that `--set` changes."""

import dataclasses
import re
from collections.abc import Collection
from typing import Literal

import pytest
from small_run import PROJECT_DIR

from convcam_jax.settings.config import DOORS, Config
from convcam_jax.settings.overrides import apply_overrides, flatten
from convcam_jax.settings.presets import Choices, make_config
from docs import settings_tables

PAGE = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
# What flags of their own change, which `--set` refuses.
OF_FLAGS = {
    *("experiment", "protocol", "corpus.data_dir", "corpus.corpora", "train.seeds"),
    *(f"{door}.name" for door in DOORS),
}


def rows_of(field: str) -> list[list[str]]:
    """The cells of the page's rows that begin with a field, behind a choice of a door perhaps."""
    found = re.findall(rf"^\| (?:`\w+` \| )?`{re.escape(field)}` \| (.*) \|$", PAGE, re.MULTILINE)
    return [row.split(" | ") for row in found]


def default_of(field: str, choices: Collection[str]) -> str:
    """Of a choice of a door, or else of all, which stands behind those of the protocols."""
    rows = re.findall(rf"^\| (?:`(\w+)` \| )?`{re.escape(field)}` \| (.*?) \|", PAGE, re.MULTILINE)
    of_all, of_choices = ([cell for choice, cell in rows if choice in own] for own in ([""], choices))
    default = [*of_all, *of_choices][-1]
    return "" if default == "empty" else default.strip("`")


def test_every_field_of_every_choice_stands_on_the_page():
    configs = [make_config(Choices(**{door: name})) for door in DOORS for name in DOORS[door] if name != "several"]
    fields = {field for config in (Config(), *configs) for field in flatten(config)} - OF_FLAGS
    assert len(fields) > 100
    assert {field for field in fields if not rows_of(field)} == set()


def test_every_field_is_described_by_its_class():
    assert settings_tables.undescribed() == []


@pytest.mark.parametrize(
    ("field", "row"),
    [
        (
            "mask_threshold",
            ["`0.1`", "number", "cells from this share of a mask's maximum on are in it (Eq. 11, beta)"],
        ),
        ("table3_metric", ["`q_rmse`", "`q_mse`, `q_rmse`", "what Table 3 is made of, a column of `metrics.csv`"]),
    ],
)
def test_a_row_has_default_values_and_description(field, row):
    assert row in rows_of(f"analysis.{field}")


def test_what_the_page_gives_as_a_default_is_set_as_it_is():
    config = make_config(Choices(corpus="listed"))
    choices = {getattr(config, door).name for door in DOORS}
    fields = sorted(set(flatten(config)) - OF_FLAGS)
    given = apply_overrides(config, [f"{field}={default_of(field, choices)}" for field in fields])
    assert flatten(given) == flatten(config)


@dataclasses.dataclass(frozen=True)
class Above:
    """A class.

    Attributes:
      one: described
        in two lines.
      other: described.
      way: by the class above.
    """

    one: int = 3
    other: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Below(Above):
    """Another.

    Attributes:
      way: how: so, or so.
    """

    way: Literal["a", "b"] = "a"
    nothing: bool = False


def test_fields_are_described_by_the_nearest_class_that_does():
    assert [settings_tables._row("s", field, Below) for field in dataclasses.fields(Below)] == [
        ["`s.one`", "`3`", "whole number", "described in two lines"],
        ["`s.other`", "empty", "number; several, with commas", "described"],
        ["`s.way`", "`a`", "`a`, `b`", "how: so, or so"],
        ["`s.nothing`", "`false`", "`true`, `false`", ""],
    ]
