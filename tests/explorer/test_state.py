"""A URL remembers a view, and what is not understood of one is as by default."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape.explorer.state import (
    CUTS,
    LEVELS,
    MODES,
    PLANES,
    SCALES,
    SORTS,
    View,
    from_query,
    to_query,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
PLACES = st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.6g}"))
VIEWS = st.fixed_dictionaries(
    {
        "file": NAMES,
        "compare": NAMES | st.just(""),
        "beside": st.lists(NAMES, max_size=3, unique=True).map(tuple),
        "image": st.none() | st.integers(0, 10**9),
        "plane": st.sampled_from(("", *PLANES, *CUTS)),
        "at": st.lists(PLACES, max_size=3).map(tuple),
        "field": NAMES,
        "scale": st.sampled_from(SCALES),
        "quantile": st.integers(50, 99).map(lambda percent: percent / 100),
        "levels": st.sampled_from(LEVELS),
        "sort": st.sampled_from(SORTS),
        "mode": st.sampled_from(MODES),
        "frame": st.integers(0, 10**6),
        "camera": st.just(())
        | st.tuples(st.just(1.25), st.just(-0.5), st.integers(1, 9).map(float)),
    }
)


@settings(max_examples=40, deadline=None)
@given(VIEWS)
def test_a_query_gives_the_view_back(said):
    view = View(**said)
    assert from_query(to_query(view)) == view


def test_what_is_as_by_default_is_not_said():
    assert to_query(View()) == ""
    assert to_query(View(file="a b", at=(1.5, -2.0))) == "?file=a+b&at=1.5%2C-2"


@pytest.mark.parametrize(
    "query",
    [
        None,
        "",
        "?",
        "?image=last",
        "?image=1e99",
        "?image=99999999999999999999999",
        "?at=nan,1,2",
        "?at=1,,2",
        "?at=inf",
        "?scale=evil",
        "?plane=../../etc",
        "?quantile=2",
        "?quantile=nan",
        "?frame=x",
        "?camera=1,2",
        "?camera=0,0,0",
        "?camera=1,nan,1",
        "?camera=1e9,0,0",
        "?nothing=known",
        "?image=%ff%fe",
        "?" + "&".join(f"a{i}=1" for i in range(500)),
        "?levels[]=both",
    ],
)
def test_what_is_not_understood_is_as_by_default(query):
    assert from_query(query) == View()


def test_one_wrong_word_spoils_no_other():
    assert from_query("?image=x&scale=log&frame=-3") == View(scale="log")


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300))
def test_no_query_is_an_error(text):
    assert isinstance(from_query(text), View)
    assert isinstance(from_query("?" + quote(text)), View)
