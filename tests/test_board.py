"""What processes leave each other, in the store that torchrun keeps, here in one process."""

import threading

import numpy as np
import pytest
import safetensors.numpy
import torch.distributed as dist

from landscape import filling
from landscape.filling.shared import Agreed, Batch, Missing, Parcels, Undelivered, interval
from landscape.interrupt import Terminated
from landscape.processes import Board, Group


@pytest.fixture
def board():
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    return Board("landscape/a", store)


@pytest.mark.parametrize("size", [0, 1, 4 * 2**20, 4 * 2**20 + 1, 9 * 2**20])
def test_notes_of_any_size_are_kept_and_taken_off(board, size):
    note = np.random.default_rng(0).bytes(size)
    assert not board.has("n")
    board.put("n", note)
    assert board.has("n")
    assert board.get("n") == board.take("n") == note
    assert not board.has("n")
    assert not Board("landscape/b", board.store).has("n")


def test_parcels_arrive_once_also_where_one_is_late(board):
    arrived = []
    sender, taker = Parcels(board), Parcels(board)
    found = Undelivered(lambda points, values: arrived.append((points, values)), 0.0)
    board.add("parcels", 1)  # somebody has announced one, and not yet put it
    for start in (3, 8):
        points = np.arange(start, start + 2)
        sender.send(points, {"loss": points / 7, "image": points.astype(np.uint8).reshape(-1, 1)})
    assert [p.tolist() for p in taker.collect(found)] == [[3, 4], [8, 9]]
    board.put("parcel/1", safetensors.numpy.save({".points": np.array([5]), "loss": np.ones(1)}))
    assert [p.tolist() for p in taker.collect(found)] == [[5]]
    assert taker.collect(found) == []
    found.hand_over()
    (points, values), *rest = arrived
    np.testing.assert_array_equal(values["loss"], points / 7)
    assert (values["image"].dtype, values["image"].shape) == (np.uint8, (len(points), 1))
    assert rest


TWO = Group(0, 2)


def test_all_chunks_are_drawn_once_by_whoever_asks(board):
    batch, drawn = Batch(0, np.arange(103) * 2, 7), []
    assert Batch.unpacked(0, batch.packed()).points.tolist() == batch.points.tolist()

    def draw():
        own = Board(board.name, dist.TCPStore("127.0.0.1", board.store.port, is_master=False))
        drawn.extend(batch.draw(own, TWO, lambda: None, seconds=0.01))

    threads = [threading.Thread(target=draw) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(chunk) for chunk in drawn) == [5] + [7] * 14
    assert sorted(np.concatenate(drawn)) == batch.points.tolist()


def test_who_is_to_stop_draws_no_more(board):
    batch, came = Batch(0, np.arange(20), 1), []
    for _ in batch.draw(board, TWO, lambda: Terminated if len(came) == 3 else None, seconds=1.0):
        came.append(1)
    assert len(came) == 3


def test_what_one_has_heard_all_are_told(board):
    heard, deaf = Agreed(board, lambda: Terminated), Agreed(board, lambda: None)
    assert heard() is Terminated
    assert deaf() is Terminated


def test_missing_points_are_struck_once_and_offered_by_chunks():
    missing = Missing(Batch(0, np.array([9, 2, 7, 4, 5]), 2))
    assert missing.strike(np.array([9, 2])) == 2
    assert missing.strike(np.array([2, 5])) == 1
    assert missing.count == 2
    assert missing.chunk().tolist() == [7, 4]
    assert missing.strike(np.array([7, 4])) == 2
    assert missing.chunk() is None
    assert missing.count == 0


class Bar:
    def __init__(self):
        self.done = 0

    def advance(self, n):
        self.done += n

    def note(self, text):
        pass


def test_chunks_of_who_has_vanished_are_computed_by_the_first(board, monkeypatch):
    monkeypatch.setattr(filling, "LATE", 0.05)
    batch, written, bar = Batch(0, np.arange(10), 3), [], Bar()
    vanished = batch.draw(board, TWO, lambda: None, seconds=0.0)
    assert next(vanished).tolist() == [0, 1, 2]
    found = Undelivered(lambda points, values: written.extend(points.tolist()), 0.0)
    filling._complete(
        batch, board, TWO, lambda: None, lambda p: {"loss": p / 2}, Parcels(board), found, bar
    )
    found.hand_over()
    assert sorted(written) == list(range(10))
    assert bar.done == 10


def test_parcels_come_more_seldom_the_more_there_are():
    assert interval(0.5, 2) == interval(0.5, 250) == 0.5
    assert interval(0.5, 1000) == 2.0
