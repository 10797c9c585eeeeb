import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from landscape.store.order import coarse_to_fine, on_stride, strides

shapes = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)


@given(shapes)
def test_every_point_comes_once(shape):
    assert sorted(coarse_to_fine(shape)) == list(range(np.prod(shape)))


@given(shapes)
def test_every_level_is_a_grid_through_the_centre_and_comes_before_the_next(shape):
    order = coarse_to_fine(shape)
    for stride in strides(shape):
        # By definition, without the code under test: offsets from the centre divisible by stride.
        where = np.unravel_index(np.arange(np.prod(shape)), shape)
        on_grid = np.all(
            [(i - n // 2) % stride == 0 for i, n in zip(where, shape, strict=True)], axis=0
        )
        start = order[: on_grid.sum()]
        assert set(start) == set(np.flatnonzero(on_grid))


def test_the_centre_is_first():
    assert coarse_to_fine((51, 51))[0] == 25 * 51 + 25


def test_a_line_of_seven():
    assert coarse_to_fine((7,)).tolist() == [3, 1, 5, 0, 2, 4, 6]
    assert on_stride(7, 2).tolist() == [1, 3, 5]
