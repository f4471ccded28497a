"""Reading ahead: what comes, in which order, and how far ahead."""

import threading

import pytest

from convcam_jax.system.ahead import one_ahead


def test_all_items_come_in_their_order():
    assert list(one_ahead(iter([]))) == []
    assert list(one_ahead(iter([3, None, 1]))) == [3, None, 1]


def test_one_item_is_read_while_the_one_before_is_used():
    begun = [threading.Event() for _ in range(4)]

    def read():
        for number, event in enumerate(begun):
            event.set()
            yield number

    for number in one_ahead(read()):
        # The next one is begun, though nobody has asked for it yet; those behind it are not.
        assert all(event.wait(10) for event in begun[: number + 2])
        assert not any(event.is_set() for event in begun[number + 2 :])


def test_what_reading_raises_comes_behind_the_items_before_it():
    def read():
        yield 1
        raise OSError("gone")

    items = one_ahead(read())
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)
