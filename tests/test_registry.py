import pytest

from landscape.errors import InputError
from landscape.registry import lookup

TABLE = {"grid": 1, "random": 2, "worst-of-10": None}


@pytest.mark.parametrize("name", TABLE)
def test_a_known_name_gives_its_entry(name):
    assert lookup(TABLE, name, kind="attack") is TABLE[name]


@pytest.mark.parametrize(("typed", "meant"), [("gird", "grid"), ("worst-of-11", "worst-of-10")])
def test_an_unknown_name_gets_the_nearest_and_all_others(typed, meant):
    with pytest.raises(InputError) as caught:
        lookup(TABLE, typed, kind="attack")
    assert str(caught.value) == (
        f"unknown attack {typed!r}; did you mean {meant!r}? (known: grid, random, worst-of-10)"
    )


@pytest.mark.parametrize("typed", ["", "zzzz"])
def test_nothing_is_suggested_where_nothing_is_near(typed):
    with pytest.raises(InputError) as caught:
        lookup(TABLE, typed, kind="attack")
    assert str(caught.value) == f"unknown attack {typed!r} (known: grid, random, worst-of-10)"
