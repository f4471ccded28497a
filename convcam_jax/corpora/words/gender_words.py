"""Words for genders in several languages."""

from collections.abc import Iterable, Mapping

from convcam_jax.system.spelling import common_form

_WORDS = {
    "female": ("f", "w", "weiblich", "woman", "frau", "femme", "femenino", "mujer", "femminile", "donna"),
    "male": ("m", "h", "männlich", "maennlich", "man", "mann", "homme", "masculino", "hombre", "maschile", "uomo"),
}
_GENDERS = {common_form(word): gender for gender, words in _WORDS.items() for word in (gender, *words)}


def genders_meant(words: Iterable[str]) -> dict[str, str | None]:
    """What each word of a column means, "female" or "male"; "" if it is empty, and None if it is unknown.

    `h` is a man (hombre). Beside it `m` is a woman (mujer), unless there is another word for women: then `m` is a man,
    and nobody knows what `h` is.

    >>> genders_meant(["Frau", "M", "", "diverse"])
    {'Frau': 'female', 'M': 'male', '': '', 'diverse': None}
    >>> genders_meant("HM"), genders_meant("hmf")
    ({'H': 'male', 'M': 'female'}, {'h': None, 'm': 'male', 'f': 'female'})
    """
    forms = {word: common_form(word) for word in words}
    meant: dict[str, str | None] = dict(_GENDERS)
    if {"h", "m"} <= set(forms.values()):
        others_for_women = any(_GENDERS.get(form) == "female" for form in forms.values())
        meant |= {"h": None} if others_for_women else {"m": "female"}
    return {word: meant.get(form) if word else "" for word, form in forms.items()}


def on_genders(meant: Mapping[str, str | None]) -> list[str]:
    """A remark where `m` was taken for a woman, see `genders_meant`; none where it was not."""
    women = [word for word, gender in meant.items() if common_form(word) == "m" and gender == "female"]
    return ["of the genders, h was taken for male (hombre) and m for female (mujer)"] if women else []
