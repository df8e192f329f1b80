from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorebench.running.process_state import own_process_state
from scorebench.suite.spec import Determinism
from tests.conftest import Python

CPU = torch.device("cpu")


def state() -> list[Any]:
    """What is to be the same before and after; of generators what they give next."""
    torch_state = torch.get_rng_state()
    legacy = np.random.get_state()
    python = random.getstate()
    found = [
        random.random(),
        np.random.rand(),
        torch.rand((), device="cpu").item(),
        torch.get_default_device(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        os.getcwd(),
        dict(os.environ),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
    ]
    torch.set_rng_state(torch_state)
    np.random.set_state(legacy)
    random.setstate(python)
    return found


def allow_tf32() -> None:
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True


CHANGES: dict[str, Callable[[], object]] = {
    "random": lambda: (random.random(), np.random.rand(), torch.rand(3)),
    "seeds": lambda: (random.seed(1), np.random.seed(1), torch.manual_seed(1)),
    "device": lambda: torch.set_default_device("meta"),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "grad": lambda: torch.set_grad_enabled(False),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "tf32": allow_tf32,
    "folder": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(PATH="", NEW="1"),
    "less environment": lambda: os.environ.pop("PATH"),
    "handlers": lambda: signal.signal(signal.SIGTERM, lambda *_: None),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("raises", [False, True])
def test_what_a_block_changes_is_put_back(change: str, raises: bool) -> None:
    before = state()

    def block() -> None:
        with own_process_state(CPU, 3, Determinism()):
            CHANGES[change]()
            if raises:
                raise KeyError

    if raises:
        with pytest.raises(KeyError):
            block()
    else:
        block()
    assert state() == before


def draws(seed: int, before: int) -> list[float]:
    random.seed(before), np.random.seed(before), torch.manual_seed(before)
    with own_process_state(CPU, seed, Determinism()):
        return [random.random(), float(np.random.rand()), torch.rand(()).item()]


def test_random_numbers_depend_on_the_seed_and_not_on_what_ran_before() -> None:
    assert draws(3, before=1) == draws(3, before=2)
    assert not set(draws(3, before=1)) & set(draws(4, before=1))
    assert draws(2**63 - 1, before=1) == draws(2**63 - 1, before=2)


def test_the_suites_settings_hold_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with own_process_state(CPU, 0, Determinism()):
        assert not torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.allow_tf32
    wanted = Determinism(algorithms=True, tf32=True, cudnn_benchmark=True)
    with own_process_state(CPU, 0, wanted):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert torch.backends.cudnn.benchmark
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.allow_tf32
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_algorithms_that_only_warn_are_no_deterministic_ones() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with own_process_state(CPU, 0, Determinism(algorithms=True)):
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


STARTS_QUICKLY = """
import sys
import torch
from scorebench.running.process_state import own_process_state
from scorebench.suite.spec import Determinism

with own_process_state(torch.device("cpu"), 0, Determinism()):
    pass
assert "torch._inductor" not in sys.modules
"""


def test_torchs_compiler_is_not_loaded_where_nothing_changes(python: Python) -> None:
    python("-c", STARTS_QUICKLY)


def test_it_works_in_a_thread_where_handlers_cannot_be_set() -> None:
    errors: list[BaseException] = []

    def block() -> None:
        try:
            with own_process_state(CPU, 0, Determinism()):
                random.random()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert errors == []


def test_a_process_that_is_forked_inside_does_not_go_on(tmp_path: Path) -> None:
    mark = tmp_path / "went_on"
    before = os.getpid()
    with own_process_state(CPU, 0, Determinism()):
        child = os.fork()
    if os.getpid() != before:
        mark.touch()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert not mark.exists()
