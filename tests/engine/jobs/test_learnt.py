"""What the queue learnt of the time that jobs take is there again after a restart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import Store
from engine.jobs.effort import Effort, Learnt
from engine.jobs.eta import EtaEstimator
from engine.jobs.queue import PaintQueue
from engine.request.request import make_request
from tests.tiny_model import PLACE, tiny_request

SMALL, LARGE = Effort("m", 64, 64, 8), Effort("m", 256, 256, 32)
SIDES = st.sampled_from([None, 32, 64, 128, 256])
REQUESTS = st.builds(
    lambda side, cutouts, iterations, model: make_request(
        "a fox", width=side, height=side, cutouts=cutouts, iterations=iterations, model=model
    ),
    SIDES,
    st.sampled_from([None, 8, 32]),
    st.sampled_from([None, 10, 200]),
    st.sampled_from(["m", "n"]),
)
MEASURED = st.lists(st.tuples(REQUESTS, st.floats(0.01, 100)), max_size=6)


def measured(estimator, jobs):
    for request, seconds in jobs:
        width, height = request.width or 128, request.height or 128
        effort = Effort(request.model, width, height, request.cutouts or 16)
        estimator.learn_size(request, effort, request.iterations or 50)
        estimator.learn_speed(effort, seconds)


@given(MEASURED, MEASURED, REQUESTS)
def test_after_a_restart_it_estimates_as_before(first, then, asked):
    before, after = EtaEstimator(), EtaEstimator()
    speeds: dict[Effort, float] = {}
    sizes: dict[str, tuple[str, Effort, int]] = {}
    for jobs in (first, then):
        measured(before, jobs)
        news = before.news() or Learnt()
        speeds |= dict(news.speeds)
        sizes |= {said: (said, effort, count) for said, effort, count in news.sizes}
    after.restore(Learnt(tuple(speeds.items()), tuple(sizes.values())))
    for request, _ in first + then + [(asked, 0)]:
        assert after.effort(request) == before.effort(request)
        # A speed is kept once it has changed by a tenth.
        assert after.seconds(request) == pytest.approx(before.seconds(request), rel=0.12)


def test_news_are_told_once_and_small_changes_of_a_speed_are_none():
    estimator = EtaEstimator()
    assert estimator.news() is None
    estimator.learn_speed(SMALL, 1.0)
    assert estimator.news() == Learnt(((SMALL, 1.0),))
    estimator.learn_speed(SMALL, 1.1)  # 1.05 on average
    assert estimator.news() is None
    estimator.learn_speed(SMALL, 1.4)
    news = estimator.news()
    assert news is not None
    assert news.speeds[0][1] == pytest.approx(3.5 / 3)


def test_a_slow_first_picture_is_outweighed_by_later_ones():
    estimator = EtaEstimator()
    for seconds in (5.0, 1.0, 1.0, 1.0):  # the first one also warmed up the device
        estimator.learn_speed(SMALL, seconds)
    assert estimator.seconds_per_iteration(SMALL) < 2
    after = EtaEstimator()
    after.restore(Learnt(((SMALL, 2.0),)))
    after.learn_speed(SMALL, 1.0)
    assert after.seconds_per_iteration(SMALL) == 1.5


def test_another_device_s_speeds_are_forgotten_after_one_measurement():
    estimator = EtaEstimator()
    other = Effort("n", 64, 64, 8)
    estimator.restore(Learnt(((SMALL, 1.0), (LARGE, 9.0), (other, 1.0))))
    assert estimator.news() is None
    estimator.learn_speed(SMALL, 0.01)
    assert estimator.news() == Learnt(((SMALL, 0.01),), outdated=("m",))
    assert estimator.seconds_per_iteration(LARGE) < 1  # scaled from the new one
    assert estimator.seconds_per_iteration(other) == 1.0


async def test_the_first_estimate_after_a_restart_is_what_the_first_process_measured(
    tmp_path, tiny_catalogue
):
    asked = tiny_request(iterations=20)
    told = []
    for _ in range(2):
        store = await Store.open(tmp_path)
        queue = PaintQueue(store, preload=None, threads=1, in_process=True)
        await queue.start()
        told.append(queue.estimator.seconds(asked))
        if len(told) == 1:
            job = await queue.submit(asked, person="ann", place=PLACE)
            async for _event in job:
                pass
            measured_seconds = queue.estimator.seconds(asked)
        await queue.close()
        await store.close()
    guess, after = told
    assert after == measured_seconds != guess
