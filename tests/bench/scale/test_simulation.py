"""The simulation of the queue against the formulas of M/M/1 and M/M/c, and its fairness."""

from __future__ import annotations

import math
import random
from statistics import mean

import pytest

from bench.scale.arrivals import Arrival, People, arrivals
from bench.scale.formulas import chance_to_wait, mean_wait, wait_quantile
from tests.tiny_model import write_tiny_model

pytest.importorskip("simpy", reason="the simulation needs simpy, of the extra `bench`")
from bench.scale.simulation import exponential, like, simulate
from bench.simulate import compare, figures, predict, service_of

ALIKE = People(count=5000, tail=0)  # hardly anybody has two jobs waiting


def test_formulas_are_those_of_one_worker_and_of_erlang():
    for load in (0.1, 0.5, 0.9):
        assert chance_to_wait(1, load) == pytest.approx(load)
        assert mean_wait(1, load) == pytest.approx(load / (1 - load))
        # With two workers: 2 load^2 / (1 + load).
        assert chance_to_wait(2, load) == pytest.approx(2 * load**2 / (1 + load))
    # Erlang's C as a sum, for offered work a = c * load.
    workers, offered = 20, 18.0
    last = offered**workers / math.factorial(workers) * workers / (workers - offered)
    others = sum(offered**n / math.factorial(n) for n in range(workers))
    assert chance_to_wait(workers, 0.9) == pytest.approx(last / (last + others))
    assert wait_quantile(1, 0.5, 0.95) == pytest.approx(math.log(0.5 / 0.05) / 0.5)
    assert wait_quantile(20, 0.5, 0.5) == 0
    assert 0 < chance_to_wait(10_000, 0.9) < 1e-6  # no number overflows


@pytest.mark.parametrize(("workers", "load"), [(1, 0.5), (3, 0.6)])
def test_waits_are_those_of_the_formulas(workers, load):
    # 4,000 jobs are few: the mean of one run is within 30% of the formula, that of six within 2%.
    # This one is near it.
    rng, rate = random.Random(4), workers * load
    asked = arrivals(rate, 4000 / rate, ALIKE, rng)
    outcome = simulate(asked, workers, exponential(1.0), rng)
    assert len(outcome.jobs) == pytest.approx(4000, rel=0.05)
    assert outcome.mean_wait == pytest.approx(mean_wait(workers, load), rel=0.1)
    assert outcome.wait(0.95) == pytest.approx(wait_quantile(workers, load, 0.95), rel=0.1)
    waited = mean(job.wait > 0 for job in outcome.jobs)
    assert waited == pytest.approx(chance_to_wait(workers, load), rel=0.1)
    assert outcome.utilisation == pytest.approx(load, rel=0.05)


def test_times_of_service_that_never_vary_halve_the_wait():
    rng = random.Random(3)
    asked = arrivals(0.5, 8000, ALIKE, rng)
    outcome = simulate(asked, 1, like([1.0]), rng)
    # Pollaczek and Khinchine: half of the wait with exponential times.
    assert outcome.mean_wait == pytest.approx(mean_wait(1, 0.5) / 2, rel=0.1)


def test_who_asks_for_little_waits_little_next_to_somebody_who_asks_for_much():
    greedy = [Arrival(0.0, "greedy")] * 50
    asked = sorted([*greedy, Arrival(5.5, "ann")], key=lambda each: each.time)
    outcome = simulate(asked, 1, like([1.0]), random.Random(0))
    [ann] = [job for job in outcome.jobs if job.person == "ann"]
    assert ann.wait <= 1.5
    assert max(job.wait for job in outcome.jobs) == 50
    assert outcome.utilisation == pytest.approx(1)


def test_bursts_have_the_same_rate_and_longer_waits():
    calm = arrivals(1.0, 2000, ALIKE, random.Random(1))
    rough = arrivals(1.0, 2000, ALIKE, random.Random(1), bursts=10.0)
    assert len(calm) == pytest.approx(2000, rel=0.1)
    assert len(rough) == pytest.approx(2000, rel=0.25)
    assert [each.time for each in rough] == sorted(each.time for each in rough)
    assert all(0 <= each.time < 2000 for each in rough)
    served = [simulate(each, 2, like([1.0]), random.Random(0)).wait(0.95) for each in (calm, rough)]
    assert served[1] > 5 * served[0]


def test_a_few_people_ask_for_most_pictures():
    asked = arrivals(10.0, 500, People(count=1000, tail=1.2), random.Random(0))
    names = [each.person for each in asked]
    share = sum(name in {f"person {n}" for n in range(10)} for name in names) / len(names)
    assert share == pytest.approx(0.56, abs=0.03)


def test_figures_are_seconds_and_jobs_a_day():
    rng = random.Random(0)
    asked = arrivals(0.1, 10_000, People(), rng)
    found = figures(simulate(asked, 4, service_of(30, "0.5"), rng), 0.75)
    assert found["jobs_a_day"] == pytest.approx(8640, rel=0.1)
    assert found["utilisation"] == pytest.approx(0.75, rel=0.1)
    assert found["median_wait"] < found["p95_wait"]
    same = predict(asked[:200], 4, [30.0], latency=2.0, repetitions=2)
    assert same["throughput"] == pytest.approx(0.1, rel=0.3)
    assert same["median_wait"] == 2.0


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_real_queue_is_as_fast_as_it_is_predicted_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(write_tiny_model(tmp_path)))
    found = await compare(
        tmp_path, model="tiny", iterations=1, workers=1, load=0.6, jobs=30, seed=0
    )
    assert found["measured"]["jobs"] > 15
    # Waits depend on what else the machine does; that nothing else takes time does not.
    assert abs(found["difference_replayed"]["throughput"]) < 0.15
    assert found["real"]["p95_wait"] >= found["real"]["median_wait"] >= 0
