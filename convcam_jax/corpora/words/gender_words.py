"""Words for genders in several languages."""

from convcam_jax.system.spelling import common_form

_WORDS = {
    "female": ("f", "w", "weiblich", "woman", "frau", "femme", "femenino", "femminile"),
    "male": ("m", "männlich", "maennlich", "man", "mann", "homme", "masculino", "maschile"),
}
_GENDERS = {common_form(word): gender for gender, words in _WORDS.items() for word in (gender, *words)}


def gender_meant(word: str) -> str | None:
    """What a word means, "female" or "male"; "" if it is empty, and None if it means neither.

    >>> gender_meant("Frau"), gender_meant("M"), gender_meant(""), gender_meant("diverse")
    ('female', 'male', '', None)
    """
    return _GENDERS.get(common_form(word)) if word else ""
