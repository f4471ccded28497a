"""Checks of config fields."""

from convcam_jax.system.errors import UserError


def require(condition: bool, field: str, rule: str) -> None:
    """Raise UserError unless the condition holds; `field` is the full name, such as `train.epochs`."""
    if not condition:
        raise UserError(f"config field {field}: {rule}")
