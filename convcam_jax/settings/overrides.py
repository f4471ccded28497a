"""Changes of single config fields from text (`train.epochs=20`), and configs as flat dictionaries."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from convcam_jax.settings.config import DOORS, Config, choices_having
from convcam_jax.settings.flags import Flags
from convcam_jax.system.errors import UserError
from convcam_jax.system.paths import expanded, separated_by_commas
from convcam_jax.system.spelling import nearest
from convcam_jax.system.text import number_in, one_form, whole_number_in
from convcam_jax.system.validation import ALIKE, require_choice

# Of whole numbers; beyond it arrays have no such size, and what counts would never come to its end.
_MOST = 2**31


def flatten(config: Config) -> dict[str, Any]:
    """All fields by their full names, such as `train.epochs`, in the order of their definition."""
    sections = [_flat(field.name, getattr(config, field.name)) for field in dataclasses.fields(config)]
    return {name: value for section in sections for name, value in section.items()}


def _flat(section: str, value: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value):
        return {section: value}
    return {f"{section}.{inner.name}": getattr(value, inner.name) for inner in dataclasses.fields(value)}


def restore(flat: dict[str, Any]) -> Config:
    """The config whose `flatten` is `flat`, tuples as lists perhaps, as JSON has them; the inverse of `flatten`.

    Fields that are missing get their defaults; so do those of a config written before they existed.

    Raises:
      UserError: an unknown field or a value that is not allowed.
    """
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in flat.items()}
    default = Config()
    names = [field.name for field in dataclasses.fields(default)]
    sections = {name: _restored(name, getattr(default, name), values) for name in names}
    known = {name for section, value in sections.items() for name in _flat(section, value)}
    if unknown := sorted(set(flat) - known):
        raise UserError(f"config field {unknown[0]}: there is no such field")
    return Config(**sections)


def _restored(section: str, default: Any, values: dict[str, Any]) -> Any:
    """A field of the config, a section as the values have it."""
    if not dataclasses.is_dataclass(default) or isinstance(default, type):
        return values.get(section, default)
    kind: Any = type(default)
    if section in DOORS:
        name = str(values.get(f"{section}.name", _flat(section, default)[f"{section}.name"]))
        if name not in DOORS[section]:
            raise UserError(f"config field {section}.name: must be one of {', '.join(DOORS[section])}")
        kind = DOORS[section][name]
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: values[f"{section}.{name}"] for name in names if f"{section}.{name}" in values})


def apply_overrides(config: Config, assignments: list[str]) -> Config:
    """The config with changes such as `train.epochs=20` made; of several of one field the last one counts.

    Raises:
      UserError: an unknown field or a value of the wrong type; it names the nearest right one.
    """
    changes: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set={assignment}: write it as --set=FIELD=VALUE")
        section, field, value = _read_change(config, name.strip(), text.strip())
        changes.setdefault(section, {})[field] = value
    # A section as a whole, since values of its fields may be allowed only together.
    return dataclasses.replace(
        config,
        **{section: dataclasses.replace(getattr(config, section), **fields) for section, fields in changes.items()},
    )


def _read_change(config: Config, name: str, text: str) -> tuple[str, str, Any]:
    """Section, field and new value."""
    # Most come with defaults of their own, which a changed name would not bring along.
    flags = {f"{door}.name": door for door in DOORS}
    flags |= {"corpus.data_dir": "data_dir", "corpus.corpora": "corpus", "train.seeds": "seeds"}
    flags |= {field.name: field.name for field in dataclasses.fields(Flags) if field.name != "given"}
    if name in flags:
        raise UserError(f"--set={name}: is a flag of its own, --{flags[name]}")
    settable = [field for field in flatten(config) if "." in field]
    if name not in settable:
        raise UserError(f"--set={name}: there is no such field{_meant(name, settable, flags)}")
    section, field = name.split(".")
    own = getattr(config, section)
    about = {f.name: f.metadata for f in dataclasses.fields(own)}[field]
    if about.get("is_path") and text:
        # As it is written: to a disk, an accent that is written in another way makes another name.
        return section, field, str(expanded(text))
    return section, field, parse(text, get_type_hints(type(own))[field], name, about.get("choices", ()))


def _meant(name: str, settable: Sequence[str], flags: Mapping[str, str]) -> str:
    """The end of a message: what has the field, the one that is meant, perhaps, or those that there are, with flags."""
    section = name.partition(".")[0]
    if having := choices_having(name):
        return f"; it is of {', '.join(having)}, which --{section} chooses"
    of_section = [field for field in settable if field.startswith(f"{section}.")]
    if (near := nearest(name, settable, ALIKE)) and not (of_section and name == section):
        return f"; the nearest is {near}" + (f", a flag of its own, --{flags[near]}" if near in flags else "")
    sections = dict.fromkeys(field.partition(".")[0] for field in settable)
    return f"; there are {', '.join(of_section)}" if of_section else f"; there are the sections {', '.join(sections)}"


def parse(text: str, kind: Any, name: str, choices: Sequence[str] = ()) -> Any:
    """A value of type `kind` (bool, int, float, str, Literal, or tuple of one of them) from its text.

    Of `choices` it must be one, if there are any, or of a tuple each part. Parts are separated by commas; what holds a
    comma stands in double quotes.

    Raises:
      UserError: the text is no such value; `name` is the field's.
    """
    if get_origin(kind) is tuple:
        return tuple(parse(part, get_args(kind)[0], name, choices) for part in separated_by_commas(text))
    choices = get_args(kind) if get_origin(kind) is Literal else choices
    if choices:
        require_choice(text, choices, f"--set={name}")
        return text
    readers: dict[Any, tuple[Callable[[str], Any], str]] = {
        bool: (_parse_bool, "true or false"),
        int: (_parse_whole, f"a whole number, such as 3, below {_MOST}"),
        float: (_parse_finite, "a number, such as 0.5"),
        str: (one_form, "text"),
    }
    read, description = readers[kind]
    try:
        return read(text)
    except ValueError:
        raise UserError(f"--set={name}={text}: must be {description}") from None


def _parse_whole(text: str) -> int:
    value = whole_number_in(text)
    if abs(value) >= _MOST:
        raise ValueError(text)
    return value


def _parse_finite(text: str) -> float:
    value = number_in(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _parse_bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"
