"""Free memory from made-up files of Linux's kernel, as containers of all kinds show them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.models.free_memory import free_bytes

GB = 10**9
CPU = torch.device("cpu")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "ascii")
    return root


MEMINFO = {"proc/meminfo": "MemTotal:       32000000 kB\nMemAvailable:   20000000 kB\n"}


def test_without_a_limit_it_is_what_linux_calls_available(tmp_path):
    assert free_bytes(CPU, write(tmp_path, MEMINFO)) == 20_000_000 * 1024


def test_an_unknown_system_has_an_unknown_amount(tmp_path):
    assert free_bytes(CPU, tmp_path) is None


def test_a_container_s_limit_counts_what_it_uses_but_not_its_cache(tmp_path):
    root = write(
        tmp_path,
        {
            **MEMINFO,
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{4 * GB}\n",
            "sys/fs/cgroup/memory.current": f"{3 * GB}\n",
            "sys/fs/cgroup/memory.stat": f"anon {GB}\nactive_file {GB}\ninactive_file {GB // 2}\n",
        },
    )
    assert free_bytes(CPU, root) == 4 * GB - 3 * GB + GB + GB // 2


def test_a_parent_s_limit_holds_too(tmp_path):
    root = write(
        tmp_path,
        {
            **MEMINFO,
            "proc/self/cgroup": "0::/user.slice/bot.service\n",
            "sys/fs/cgroup/user.slice/memory.max": f"{2 * GB}\n",
            "sys/fs/cgroup/user.slice/memory.current": f"{GB}\n",
            "sys/fs/cgroup/user.slice/bot.service/memory.max": "max\n",
            "sys/fs/cgroup/user.slice/bot.service/memory.current": f"{GB}\n",
        },
    )
    assert free_bytes(CPU, root) == GB


@pytest.mark.parametrize("path", ["/docker/0123", "/"])
def test_the_first_version_of_cgroups(tmp_path, path):
    folder = f"sys/fs/cgroup/memory{path}".rstrip("/")
    root = write(
        tmp_path,
        {
            **MEMINFO,
            "proc/self/cgroup": f"9:cpu,cpuacct:/else\n5:memory:{path}\n",
            f"{folder}/memory.limit_in_bytes": f"{6 * GB}\n",
            f"{folder}/memory.usage_in_bytes": f"{2 * GB}\n",
            f"{folder}/memory.stat": f"inactive_file 7\ntotal_inactive_file {GB}\n",
        },
    )
    assert free_bytes(CPU, root) == 5 * GB


def test_the_first_version_s_number_for_no_limit(tmp_path):
    root = write(
        tmp_path,
        {
            **MEMINFO,
            "proc/self/cgroup": "5:memory:/docker/0123\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GB}\n",
        },
    )
    assert free_bytes(CPU, root) == 20_000_000 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="it reads Linux's files")
def test_this_machine_has_some_but_not_more_than_all():
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    free = free_bytes(CPU)
    assert free is not None
    assert 0 < free <= pages * size


# Pages are counted, not seconds: each that the system hands out again is a fault.
_FREE_AND_ALLOCATE = """
import os, resource, torch
from engine.models.free_memory import give_back, keep_freed

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def handed_out_and_given_back():
    size = 100 * 1024 * 1024
    for _ in range(10):  # until the gaps between aligned blocks are large enough
        torch.ones(size, dtype=torch.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(size, dtype=torch.uint8)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    held = resident()
    give_back()
    return faults * resource.getpagesize() / size, (held - resident()) / size

keep_freed(False)
print(*handed_out_and_given_back())
os.environ["MALLOC_TOP_PAD_"] = "131072"
keep_freed(True)
print(*handed_out_and_given_back())
del os.environ["MALLOC_TOP_PAD_"]
keep_freed(True)
print(*handed_out_and_given_back())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_kept_for_the_next_iteration_until_it_is_given_back():
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))
    }
    answer = subprocess.run(
        [sys.executable, "-c", _FREE_AND_ALLOCATE],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    returned, chosen_by_the_host, kept = (
        tuple(map(float, line.split())) for line in answer.stdout.splitlines()
    )
    for handed_out, given_back in (returned, chosen_by_the_host):
        assert handed_out > 0.99
        assert given_back < 0.1
    assert kept[0] < 0.1
    assert kept[1] > 0.9
