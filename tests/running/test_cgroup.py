from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scorebench.running import cgroup

Tree = Callable[[Mapping[str, str]], None]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A machine that has these files of /proc/self and /sys/fs/cgroup alone."""
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)

    def write(files: Mapping[str, str]) -> None:
        for name, content in files.items():
            place = "proc/self" if name == "cgroup" else "sys/fs/cgroup"
            path = tmp_path / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return write


def limits() -> tuple[float | None, int | None, int | None]:
    return cgroup.cpu_limit(), cgroup.memory_limit(), cgroup.memory_left()


def test_here_limits_are_positive_or_none() -> None:
    assert all(limit is None or limit >= 0 for limit in limits())


def test_without_control_groups_nothing_is_limited(tree: Tree) -> None:
    assert limits() == (None, None, None)
    tree({"cgroup": "0::/\n"})
    assert limits() == (None, None, None)


def test_in_a_container_the_root_is_its_own(tree: Tree) -> None:
    tree(
        {
            "cgroup": "0::/\n",
            "cpu.max": "150000 100000\n",
            "memory.max": "1000000\n",
            "memory.current": "300000\n",
            "memory.stat": "anon 100000\ninactive_file 50000\nactive_file 150000\n",
        }
    )
    assert limits() == (1.5, 1_000_000, 750_000)


def test_the_lowest_limit_of_any_level_holds(tree: Tree) -> None:
    tree(
        {
            "cgroup": "0::/slurm/job_1/step_0\n",
            "slurm/cpu.max": "400000 100000\n",
            "slurm/memory.max": "5000\n",
            "slurm/memory.current": "4900\n",
            "slurm/job_1/cpu.max": "200000 100000\n",
            "slurm/job_1/memory.max": "2000\n",
            "slurm/job_1/memory.current": "500\n",
            "slurm/job_1/step_0/cpu.max": "max 100000\n",
            "slurm/job_1/step_0/memory.max": "max\n",
            "slurm/job_1/step_0/memory.current": "400\n",
            "slurm/job_2/cpu.max": "100 100000\n",  # of others
            "slurm/job_2/memory.max": "1\n",
        }
    )
    assert limits() == (2.0, 2000, 100)  # what is left, at the level above


def test_the_first_version_of_the_interface(tree: Tree) -> None:
    tree(
        {
            "cgroup": "9:name=systemd:/\n4:memory:/docker/ab\n1:cpu,cpuacct:/docker/ab\n0::/\n",
            "cpu/cpu.cfs_quota_us": "-1\n",
            "cpu/cpu.cfs_period_us": "100000\n",
            "cpu/docker/ab/cpu.cfs_quota_us": "50000\n",
            "cpu/docker/ab/cpu.cfs_period_us": "100000\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": "5\n",
            "memory/docker/ab/memory.limit_in_bytes": "4096\n",
            "memory/docker/ab/memory.usage_in_bytes": "1096\n",
            "memory/docker/ab/memory.stat": "cache 7\ntotal_inactive_file 96\n",
        }
    )
    assert limits() == (0.5, 4096, 3096)


def test_a_path_on_the_host_is_not_in_a_container(tree: Tree) -> None:
    tree({"cgroup": "4:memory:/docker/ab\n", "memory/memory.limit_in_bytes": "4096\n"})
    assert limits() == (None, 4096, 4096)


def test_more_may_be_in_use_than_is_allowed_by_now(tree: Tree) -> None:
    tree({"cgroup": "0::/\n", "memory.max": "100\n", "memory.current": "120\n"})
    assert limits() == (None, 100, 0)
