"""Words for genders in several languages."""

from collections.abc import Iterable

from convcam_jax.system.spelling import common_form

_WORDS = {
    "female": ("f", "w", "weiblich", "woman", "frau", "femme", "femenino", "mujer", "femminile", "donna"),
    "male": ("m", "h", "männlich", "maennlich", "man", "mann", "homme", "masculino", "hombre", "maschile", "uomo"),
}
_GENDERS = {common_form(word): gender for gender, words in _WORDS.items() for word in (gender, *words)}


def genders_meant(words: Iterable[str]) -> dict[str, str | None]:
    """What each word of a column means, "female" or "male"; "" if it is empty, and None if it means neither.

    Beside `h` (hombre) `m` is a woman (mujer), and nobody knows which where `f` or `w` stands there, too.

    >>> genders_meant(["Frau", "M", "", "diverse"])
    {'Frau': 'female', 'M': 'male', '': '', 'diverse': None}
    >>> genders_meant("HM"), genders_meant("hmf")
    ({'H': 'male', 'M': 'female'}, {'h': 'male', 'm': None, 'f': 'female'})
    """
    forms = {word: common_form(word) for word in words}
    meant: dict[str, str | None] = dict(_GENDERS)
    if "h" in forms.values():
        meant["m"] = None if {"f", "w"} & set(forms.values()) else "female"
    return {word: meant.get(form) if word else "" for word, form in forms.items()}
