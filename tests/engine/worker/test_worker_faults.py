"""Running out of memory, numbers that overflow, workers that get stuck."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from data import Store
from engine.errors import NumericalError
from engine.events import Done, Progress
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.models.memory import is_memory_error
from engine.models.packages import clip_model
from engine.models.perceptors.openai_clip import ClipPerceptor
from engine.painting.cutouts import draw_cutouts
from engine.painting.recovery import look_in_passes, size_that_fits
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation, Regulariser
from engine.worker.timeouts import ITERATIONS, MIN_SECONDS, SilenceTimeout, read_within
from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe
from tests.processes import is_running
from tests.tiny_model import PLACE, tiny_request, write_tiny_model

ROOT = Path(__file__).resolve().parents[3]
PROMPTS = [Prompt("a red star"), Prompt("fog", -0.5, 0.2)]


def synthesis_of(perceptor=None, start=None, keep=0.0, **changes: Any) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": Augmentation(count=5), **changes})
    return Synthesis(
        tiny_generator(), perceptor or tiny_perceptor(), PROMPTS, recipe, 1, start, keep=keep
    )


# Memory.


@pytest.mark.parametrize("passes", [2, 3, 5, 9])
def test_the_loss_and_the_gradient_are_the_same_in_passes(passes):
    edit = {
        "start": torch.rand(1, 3, 24, 32),
        "keep": 0.5,
        "regulariser": Regulariser(0.5, "linear", "zero"),
    }
    whole, parts = synthesis_of(**edit), synthesis_of(**edit)
    parts.recovery.passes = passes
    one, other = whole.step(), parts.step()
    assert torch.equal(one.image, other.image)
    assert whole.losses == pytest.approx(parts.losses, rel=1e-5)
    assert set(one.losses) == {"total", "a red star", "fog:-0.5:0.2", "structure", "regulariser"}
    assert whole.latent.z.grad is not None
    torch.testing.assert_close(parts.latent.z.grad, whole.latent.z.grad, rtol=1e-3, atol=1e-7)
    assert torch.equal(whole.rng.get_state(), parts.rng.get_state())


def test_smoothness_is_the_same_in_passes():
    whole, parts = synthesis_of(smoothness=3.0), synthesis_of(smoothness=3.0)
    parts.recovery.passes = 3
    whole.step()
    parts.step()
    assert whole.losses == pytest.approx(parts.losses, rel=1e-5)
    assert whole.losses["smoothness"] > 0
    assert whole.latent.z.grad is not None
    torch.testing.assert_close(parts.latent.z.grad, whole.latent.z.grad, rtol=1e-3, atol=1e-7)


def test_a_pass_never_holds_more_than_its_cutouts():
    seen = []
    perceptor = tiny_perceptor()
    picture = torch.rand(1, 3, 24, 32)
    numbers = draw_cutouts(Augmentation(count=7), 32, 24, 16, torch.Generator().manual_seed(1))
    perceptor.clip.visual.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    look_in_passes(picture, numbers, 16, perceptor, [lambda images: images.sum(1).mean()], 4)
    assert seen == [2, 2, 2, 1]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 4000000000000 bytes."
        ),
    ],
)
def test_every_error_about_memory_is_recognised(error):
    assert is_memory_error(error)
    assert not is_memory_error(RuntimeError("shapes do not match"))
    assert not is_memory_error(OSError("out of memory"))


def test_pytorch_s_own_memory_error_is_recognised():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 50)
    assert is_memory_error(refused.value)


HUNGRY = """
    import resource, sys, torch
    torch.set_num_threads(1)
    from engine.errors import OutOfMemoryError
    from engine.request.prompt import Prompt
    from engine.request.recipe import Augmentation
    from engine.painting.synthesis import Synthesis
    from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe

    side, count, room = map(int, sys.argv[1:])
    made = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("x")], tiny_recipe(
        width=side, height=side, augmentation=Augmentation(count=count)), 1)
    small = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("x")], tiny_recipe(), 1)
    small.step()  # loads everything that is loaded on first use
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + room * 2**20,) * 2)
    try:
        made.step()
        print("painted in", made.recovery.passes)
    except OutOfMemoryError as error:
        print(error)
"""


BOT = """
    import asyncio
    from engine.worker.messages import WorkerSettings
    from engine.worker.process import ProcessWorker

    class Printing(ProcessWorker):
        def deliver(self, message):
            print(self.pid, flush=True)

    async def main():
        worker = Printing(WorkerSettings(preload=None, threads=1))
        await worker.start()
        await asyncio.sleep(1000)

    asyncio.run(main())
"""


def hungry(side, count, room):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HUNGRY), str(side), str(count), str(room)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        # The limit is on address space, so freed memory must be returned to the system.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_with_little_memory_it_paints_in_more_passes():
    said = hungry(32, 4000, 250)
    assert said.startswith("painted in ")
    assert int(said.split()[-1]) > 1


@pytest.mark.slow
def test_if_one_cutout_is_too_much_the_message_has_a_size_that_fits():
    said = hungry(512, 1, 150)
    assert said.startswith("There isn't enough memory for a picture of 512x512")
    side = int(said.removesuffix(" would fit.").split("x")[-1])
    assert 0 < side < 512


def test_the_size_that_fits_is_smaller_and_on_the_grid():
    synthesis = synthesis_of()
    assert size_that_fits(synthesis.generator, synthesis.perceptor, synthesis.recipe) == (26, 20)


# Numbers.


class Broken(torch.nn.Module):
    """A vision tower that returns NaN in some calls."""

    def __init__(self, tower, at):
        super().__init__()
        self.tower, self.at, self.calls = tower, at, 0
        self.conv1 = tower.conv1  # where CLIP reads its precision

    def forward(self, pictures):
        self.calls += 1
        return self.tower(pictures) * (float("nan") if self.calls in self.at else 1.0)


def broken_at(*calls):
    perceptor = tiny_perceptor()
    perceptor.clip.visual = Broken(perceptor.clip.visual, calls)
    return synthesis_of(perceptor, iterations=30)


def test_numbers_that_overflow_once_return_to_the_last_finite_state():
    synthesis = broken_at(14)  # iteration 13
    for _ in range(13):
        synthesis.step()
    assert synthesis.step().iteration == 10
    while synthesis.iteration < 30:
        synthesis.step()
    assert synthesis.latent.z.isfinite().all()
    [remark] = synthesis.remarks
    assert remark == (
        "The numbers overflowed at iteration 13, so painting continued from iteration 10."
    )
    assert remark in synthesis.notices()


def test_numbers_that_keep_overflowing_are_reported():
    synthesis = broken_at(*range(14, 100))
    for _ in range(13):
        synthesis.step()
    before = synthesis.latent.z.detach().clone()
    with pytest.raises(NumericalError, match=r"at iteration 13.*smaller learning rate"):
        synthesis.step()
    assert torch.equal(synthesis.latent.z, before)
    assert synthesis.iteration == 13


def test_overflow_in_half_precision_continues_in_float32():
    perceptor = tiny_perceptor()
    clip_model().convert_weights(perceptor.clip)  # OpenAI's own function, as used on GPUs
    with torch.no_grad():
        perceptor.clip.visual.ln_post.weight *= 1e6  # beyond float16's 65504
    assert perceptor.encode_image(torch.rand(1, 3, 16, 16)).isnan().any()
    synthesis = synthesis_of(perceptor)
    synthesis.step()
    assert synthesis.perceptor is not perceptor
    assert isinstance(synthesis.perceptor, ClipPerceptor)
    assert synthesis.perceptor.clip.visual.conv1.weight.dtype is torch.float32
    assert perceptor.clip.visual.conv1.weight.dtype is torch.float16  # others use it
    assert synthesis.latent.z.isfinite().all()


# Stuck workers.


def test_the_timeout_is_many_times_the_jobs_own_median():
    timeout = SilenceTimeout(900.0)
    assert timeout.seconds == 900
    timeout.stepped(0, 5.0)
    assert timeout.seconds == 5.0 * ITERATIONS
    for iteration in range(1, 20):
        timeout.stepped(iteration, 5.0 + iteration * 0.1)
    assert timeout.seconds == MIN_SECONDS
    timeout.busy()
    assert timeout.seconds == 900


def test_each_hang_doubles_the_timeout_up_to_the_limit_for_silence():
    assert [_after_hang(hangs) for hangs in range(3)] == [10.0, 20.0, 40.0]
    assert _after_hang(9) == 900


def _after_hang(hangs):
    timeout = SilenceTimeout(900.0, hangs)
    timeout.stepped(0, 0.01)
    return timeout.seconds


async def test_messages_that_arrived_while_this_process_was_suspended_count():
    inbox: asyncio.Queue[int] = asyncio.Queue()
    waiting = asyncio.create_task(read_within(inbox.get, 0.05))
    await asyncio.sleep(0.2)  # after the timeout, before the message
    inbox.put_nowait(1)
    assert await waiting == 1
    with pytest.raises(TimeoutError):
        await read_within(inbox.get, 0.05)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_worker_that_hangs_is_replaced_and_the_picture_is_the_same(
    tmp_path, catalogue, monkeypatch
):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    monkeypatch.setattr("engine.worker.timeouts.MIN_SECONDS", 3.0)
    pictures = []
    for hang in (False, True):
        store = await Store.open(tmp_path / str(hang))
        queue = PaintQueue(store, preload="tiny", threads=1, preview_every=0, save_every=0.5)
        await queue.start()
        job = await queue.submit(tiny_request(iterations=60), person="ann", place=PLACE)
        if hang:
            await _hang_in_mid_job(queue, job)
        [done] = [event async for event in job if isinstance(event, Done)]
        pictures.append(done.picture.split(b"IDAT", 1)[1])
        assert [status.starts for status in queue.workers()] == [1 + hang]
        await queue.close()
        await store.close()
    assert pictures[0] == pictures[1]


async def _hang_in_mid_job(queue: PaintQueue, job: Job) -> None:
    async for event in job:
        if isinstance(event, Progress) and event.iteration > 5:
            break
    [status] = queue.workers()
    assert status.pid is not None
    os.kill(status.pid, signal.SIGSTOP)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_stuck_idle_worker_is_replaced_too(tmp_path, catalogue, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    monkeypatch.setattr("engine.worker.process._HEARTBEAT_SECONDS", 3.0)
    store = await Store.open(tmp_path / "data")
    queue = PaintQueue(store, preload="tiny", threads=1)
    await queue.start()
    job = await queue.submit(tiny_request(iterations=2), person="ann", place=PLACE)
    assert [event async for event in job if isinstance(event, Done)]
    [status] = queue.workers()
    assert status.pid is not None
    os.kill(status.pid, signal.SIGSTOP)
    job = await queue.submit(tiny_request(iterations=3), person="ann", place=PLACE)
    assert [event async for event in job if isinstance(event, Done)]
    assert [status.starts for status in queue.workers()] == [2]
    await queue.close()
    await store.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel does it")
def test_a_stuck_worker_is_killed_with_its_bot(catalogue, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(BOT)], cwd=ROOT, stdout=subprocess.PIPE
    ) as bot:
        assert bot.stdout is not None
        pid = int(bot.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        bot.kill()
    ends = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not is_running(pid)
