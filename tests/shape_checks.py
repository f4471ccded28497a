"""How the tests check arguments and results against their annotations, the shapes of arrays among them."""

from beartype import BeartypeConf, beartype

# An int is good where a float is wanted, as in Python's own typing.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
