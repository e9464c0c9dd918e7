"""How threads wait, which torch reads from the environment when it is imported."""

from __future__ import annotations

import pytest

from engine.openmp import set_waiting


def test_threads_look_for_a_moment_and_then_sleep():
    environment = {"HOME": "/home/somebody"}
    set_waiting(environment)
    assert environment == {
        "HOME": "/home/somebody",
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "1000",
    }


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_host_has_chosen_stays(name):
    environment = {name: "1"}
    set_waiting(environment)
    assert environment == {name: "1"}
