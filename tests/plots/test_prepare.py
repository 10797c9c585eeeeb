import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from landscape import store
from landscape.attacks.strongest import Strongest
from landscape.engine import Scores
from landscape.errors import InputError
from landscape.plots import prepare
from landscape.spatial import PADDINGS, rotate_shift


class TestCompletePart:
    @given(done=hnp.arrays(bool, st.tuples(*[st.integers(1, 9)] * 2)))
    def test_is_the_finest_level_without_a_gap(self, done):
        import xarray as xr

        data = xr.Dataset(
            {"done": (("a", "b"), done.astype("int8"))},
            coords={"a": np.arange(done.shape[0]), "b": np.arange(done.shape[1])},
        )
        levels = []  # by the rule, point by point
        for stride in (1, 2, 4, 8):
            on = [
                (i, j)
                for i, j in np.ndindex(done.shape)
                if (i - done.shape[0] // 2) % stride == 0 and (j - done.shape[1] // 2) % stride == 0
            ]
            levels.append((on, all(done[i, j] for i, j in on)))
        if not any(whole for _, whole in levels):
            with pytest.raises(InputError, match="centre of the grid is not done"):
                store.complete_part(data)
            return
        expected = next(on for on, whole in levels if whole)
        part = store.complete_part(data)
        assert [(a, b) for a in part["a"].values for b in part["b"].values] == expected

    def test_of_a_finished_surface_is_all_of_it(self, make_spatial):
        data = make_spatial()
        assert store.complete_part(data).identical(data)
        assert store.share_done(data) == 1

    def test_has_no_missing_value_and_ascending_axes(self, make_spatial, stop_at):
        data = make_spatial(shape=(9, 4, 3))
        done = np.zeros((9, 4, 3))
        done[::2, ::2, 1::2] = 1  # 9 // 2, 4 // 2 and 3 // 2 are on it
        part = store.complete_part(stop_at(data, done).isel(rotation=slice(None, None, -1)))
        assert part["loss"].shape == (2, 5, 2, 1)
        assert np.isfinite(part["loss"]).all()
        assert (np.diff(part["rotation"]) > 0).all()

    def test_is_complete_itself(self, make_spatial, stop_at):
        done = np.zeros((9, 5, 3))
        done[::2, ::2, 1::2] = 1
        part = store.complete_part(stop_at(make_spatial(), done))
        assert store.complete_part(part).identical(part)


class TestWorstPose:
    def test_is_the_highest_loss_of_a_misclassified_image(self, make_spatial):
        for image in range(3):
            data = make_spatial(3).isel(image=image)
            worst = prepare.worst_pose(data)
            assert worst.loss == pytest.approx(float(data["loss"].max()))
            assert worst.misclassified
            assert float(data["loss"].sel(worst.pose)) == worst.loss
            assert int(data["prediction"].sel(worst.pose)) == worst.prediction

    def test_a_misclassified_pose_goes_before_a_higher_loss(self, make_spatial):
        data = make_spatial().isel(image=0)
        data["loss"][:] = 1.0
        data["margin"][:] = 1.0
        data["loss"][4, 2, 1], data["margin"][2, 1, 0] = 9.0, -0.1
        worst = prepare.worst_pose(data)
        assert list(worst.pose.values()) == [
            float(data[a][i]) for a, i in zip(worst.pose, (2, 1, 0), strict=True)
        ]
        data["margin"][:] = 1.0
        assert prepare.worst_pose(data).loss == 9.0
        assert not prepare.worst_pose(data).misclassified

    @pytest.mark.parametrize(("loss", "prediction"), [(np.inf, 1), (np.nan, -1)])
    def test_inf_and_nan_are_worse_than_any_number(self, make_spatial, loss, prediction):
        data = make_spatial().isel(image=0)
        for place in ((3, 2, 1), (7, 4, 2)):  # of equals the first one counts
            data["loss"][place], data["margin"][place] = loss, np.nan
            data["prediction"][place] = prediction
        worst = prepare.worst_pose(data)
        assert (worst.rotation, worst.prediction) == (float(data["rotation"][3]), prediction)
        assert worst.misclassified

    def test_is_what_an_attack_would_keep(self):
        draws = np.random.default_rng(0)
        losses = draws.choice([0.5, 2.0, np.nan, np.inf], (100, 5))
        wrong = draws.integers(0, 2, losses.shape, dtype=bool) | ~np.isfinite(losses)
        margins = np.where(wrong, -1.0, 1.0) + 0 * losses.clip(0, 1)
        attack = Strongest(torch.zeros(100, 1, 1, 1), torch.zeros(100, dtype=torch.int64))
        for number in range(5):
            score = Scores(
                *(torch.from_numpy(v[:, number]).float() for v in (losses, margins)),
                torch.from_numpy(wrong[:, number]).long(),
            )
            attack.offer(torch.full((3,), float(number)), score)
        assert_array_equal(prepare.most_harmful(losses, margins), attack.pose[:, 0].numpy())

    def test_the_order_of_the_dimensions_does_not_matter(self, make_spatial):
        data = make_spatial().isel(image=1)
        assert prepare.worst_pose(data.transpose()) == prepare.worst_pose(data)


def test_the_clean_pose_is_the_nearest_to_none(make_spatial):
    data = make_spatial(shape=(8, 5, 3)).isel(image=0)  # eight rotations: none of them is 0
    clean = prepare.clean_pose(data)
    assert abs(clean.rotation) == pytest.approx(np.abs(data["rotation"]).min())
    assert (clean.shift_x, clean.shift_y) == (0, 0)


def test_planes_go_through_the_pose(make_spatial):
    data = make_spatial().isel(image=0)
    worst = prepare.worst_pose(data)
    cut = prepare.plane(data, "rotation", "shift_y", through=worst)
    expected = data["loss"].sel(shift_x=worst.shift_x).values.T
    assert cut["loss"].dims == ("shift_y", "rotation")
    assert_array_equal(cut["loss"], expected)


def test_images_are_picked_by_their_index_in_the_data_set(make_spatial):
    data = make_spatial(3)
    assert prepare.pick_images(data, (27, 7), at_most=4)["image"].values.tolist() == [27, 7]
    assert prepare.pick_images(data, None, at_most=2)["image"].values.tolist() == [7, 17]
    with pytest.raises(InputError, match="among 7, 17, 27, got 8"):
        prepare.pick_images(data, (8, 7), at_most=4)
    with pytest.raises(InputError, match="got none"):
        prepare.pick_images(data, (), at_most=4)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(8, 8), (6, 11)])
def test_posed_pixels_are_those_of_the_warp(make_spatial, padding, size):
    data = make_spatial(3, size=size, channels=3).assign_attrs(padding=padding)
    for n in range(3):
        image = data.isel(image=n)
        worst = prepare.worst_pose(image)
        pose = torch.tensor(list(worst.pose.values()), dtype=torch.float64)
        pixels = torch.tensor(image["pixels"].values[None] / 255.0)
        expected = rotate_shift(pixels, pose, padding=padding)[0].permute(1, 2, 0) * 255
        assert_allclose(prepare.posed_pixels(image, worst), expected, atol=0.51)


def test_cell_edges_lie_between_the_centres():
    assert_allclose(prepare.cell_edges(np.array([-2.0, 0.0, 1.0])), [-3.0, -1.0, 0.5, 1.5])
    assert_allclose(prepare.cell_edges(np.array([4.0])), [3.5, 4.5])


def test_class_names_fall_back_to_numbers(make_spatial):
    data = make_spatial()
    assert prepare.class_name(data, 2) == "two"
    assert [prepare.class_name(data, i) for i in (-1, 99)] == ["no class", "99"]
    del data.attrs["classes"]
    assert prepare.class_name(data, 2) == "2"


def test_what_is_no_number_is_told_apart():
    masks = prepare.not_finite(np.array([1.0, np.inf, np.nan, -np.inf]))
    assert_array_equal(masks["inf"], [False, True, False, False])
    assert_array_equal(masks["-inf"], [False, False, False, True])
    assert_array_equal(masks["nan"], [False, False, True, False])
    assert prepare.not_finite(np.zeros(3)) == {}
