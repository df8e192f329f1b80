from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorebench.running.process_state import own_process_state
from scorebench.running.setting import Setting
from scorebench.running.torch_settings import TORCH
from scorebench.suite.spec import Determinism
from tests.conftest import Python

CPU = torch.device("cpu")
BACKENDS = torch.backends
NEWER = hasattr(BACKENDS, "fp32_precision")  # torch >= 2.9 has two ways to set float32 products


DEVICES = ("cpu", "cuda", "mps")
OWNERS = ["backends", "backends.cudnn", "backends.cuda.matmul"]
OWNERS += [f"backends.cudnn.{kind}" for kind in ("conv", "rnn")]
OWNERS += [f"backends.mkldnn.{kind}" for kind in ("matmul", "conv", "rnn")]


def precisions() -> list[str]:
    """How float32 products are rounded, by torch's newer names."""
    return [attrgetter(owner)(torch).fp32_precision for owner in OWNERS if NEWER]


def older_precisions() -> list[Any]:
    """The same by torch's older names, which raise an error where the two disagree."""
    return [
        torch.get_float32_matmul_precision(),
        BACKENDS.cuda.matmul.allow_tf32,
        BACKENDS.cudnn.allow_tf32,
    ]


def umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


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
        BACKENDS.cudnn.enabled,
        BACKENDS.cudnn.deterministic,
        BACKENDS.cudnn.benchmark,
        BACKENDS.mkldnn.enabled,
        BACKENDS.cuda.matmul.allow_fp16_reduced_precision_reduction,
        BACKENDS.cuda.matmul.allow_bf16_reduced_precision_reduction,
        BACKENDS.cuda.flash_sdp_enabled(),
        BACKENDS.cuda.mem_efficient_sdp_enabled(),
        BACKENDS.cuda.math_sdp_enabled(),
        BACKENDS.cuda.cudnn_sdp_enabled(),
        *((torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in DEVICES),
        sys.float_info.min / 2 > 0,
        *precisions(),
        *older_precisions(),
        umask(),
        np.geterr(),
        list(warnings.filters),
        sys.stdout,
        sys.stderr,
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
    BACKENDS.cudnn.allow_tf32 = BACKENDS.cuda.matmul.allow_tf32 = True


def use(owner: str, name: str, value: object) -> Callable[[], None]:
    """Set an attribute of one of torch's backends."""
    return lambda: setattr(attrgetter(owner)(torch), name, value)


PRECISIONS: dict[str, Callable[[], object]] = {
    "tf32": allow_tf32,
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
}
if NEWER:
    PRECISIONS |= {
        f"{owner} {value}": use(owner, "fp32_precision", value)
        for owner, value in (
            ("backends", "tf32"),
            ("backends", "bf16"),
            ("backends.cudnn", "tf32"),
            ("backends.cuda.matmul", "tf32"),
            ("backends.cudnn.conv", "ieee"),
            ("backends.cudnn.conv", "tf32"),
            ("backends.cudnn.rnn", "tf32"),
            ("backends.mkldnn", "tf32"),
            ("backends.mkldnn.matmul", "bf16"),
            ("backends.mkldnn.conv", "bf16"),
            ("backends.mkldnn.rnn", "bf16"),
        )
    }

CHANGES: dict[str, Callable[[], object]] = {
    "random": lambda: (random.random(), np.random.rand(), torch.rand(3)),
    "seeds": lambda: (random.seed(1), np.random.seed(1), torch.manual_seed(1)),
    "device": lambda: torch.set_default_device("meta"),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "grad": lambda: torch.set_grad_enabled(False),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "autocast": lambda: torch.autocast("cpu", torch.float16).__enter__(),
    "autocast on devices": lambda: [torch.set_autocast_enabled(d, True) for d in DEVICES],
    "autocast to": lambda: [torch.set_autocast_dtype(d, torch.float64) for d in DEVICES],
    "flush denormal": lambda: torch.set_flush_denormal(True),
    "cudnn": use("backends.cudnn", "enabled", False),
    "deterministic": use("backends.cudnn", "deterministic", True),
    "benchmark": use("backends.cudnn", "benchmark", True),
    "mkldnn": use("backends.mkldnn", "enabled", False),
    "fp16": use("backends.cuda.matmul", "allow_fp16_reduced_precision_reduction", False),
    "bf16": use("backends.cuda.matmul", "allow_bf16_reduced_precision_reduction", False),
    "flash": lambda: BACKENDS.cuda.enable_flash_sdp(False),
    "efficient": lambda: BACKENDS.cuda.enable_mem_efficient_sdp(False),
    "math": lambda: BACKENDS.cuda.enable_math_sdp(False),
    "cudnn attention": lambda: BACKENDS.cuda.enable_cudnn_sdp(False),
    "numpy": lambda: np.seterr(all="raise"),
    "warnings": lambda: warnings.simplefilter("ignore"),
    "no warnings": warnings.resetwarnings,
    "unended warnings": lambda: warnings.catch_warnings(action="ignore").__enter__(),
    "stdout": lambda: setattr(sys, "stdout", io.StringIO()),
    "stderr": lambda: setattr(sys, "stderr", io.StringIO()),
    "umask": lambda: os.umask(0o777),
    "folder": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(PATH="", NEW="1"),
    "less environment": lambda: os.environ.pop("PATH"),
    "handlers": lambda: signal.signal(signal.SIGTERM, lambda *_: None),
    **PRECISIONS,
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


@pytest.fixture
def torch_as_it_was() -> Iterator[None]:
    """Put back what a plugin's import sets, by torch's own names."""
    before = precisions()
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.set_flush_denormal(False)
    torch.set_autocast_enabled("cpu", False)
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = True
    for owner, precision in zip(OWNERS, before, strict=NEWER):
        use(owner, "fp32_precision", precision)()
    assert precisions() == before


@pytest.mark.usefixtures("torch_as_it_was")
@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("imported", [None, *PRECISIONS])
def test_products_in_a_cell_are_rounded_as_the_suite_says(imported: str | None, tf32: bool) -> None:
    if imported is not None:
        PRECISIONS[imported]()
    before, older = precisions(), None
    with contextlib.suppress(RuntimeError):
        older = older_precisions()
    for change in (lambda: None, *PRECISIONS.values()):
        with own_process_state(CPU, 0, Determinism(tf32=tf32)):
            assert older_precisions() == ["high" if tf32 else "highest", tf32, tf32]
            if NEWER:
                _, _, products, *cudnn, matmul, conv, rnn = precisions()
                assert (products == "tf32") == tf32
                assert cudnn == ["tf32" if tf32 else "none"] * 2
                assert (matmul, conv, rnn) == ("none", "none", "none")
            change()
        assert precisions() == before
        assert older is None or older_precisions() == older


@pytest.mark.usefixtures("torch_as_it_was")
def test_a_cell_starts_with_torchs_defaults_whatever_an_import_has_set() -> None:
    for change in ("device", "dtype", "grad", "autocast", "flush denormal"):
        CHANGES[change]()
    with own_process_state(CPU, 0, Determinism()):
        assert torch.get_default_device() == CPU
        assert torch.ones(2).dtype == torch.float32
        assert torch.is_grad_enabled()
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
        assert (torch.tensor(1e-310, dtype=torch.float64) * 1).item() > 0
    assert torch.get_default_dtype() == torch.float64
    assert torch.get_default_device() == torch.device("meta")
    assert not (torch.tensor(1e-310, dtype=torch.float64, device="cpu") * 1).item() > 0


def test_a_working_directory_that_is_gone_ends_no_other_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    handler = signal.getsignal(signal.SIGTERM)
    for _ in range(2):
        with own_process_state(CPU, 0, Determinism()):
            CHANGES["handlers"]()
            shutil.rmtree(tmp_path / "gone", ignore_errors=True)
            os.chdir("/")
        assert signal.getsignal(signal.SIGTERM) is handler


def test_a_warning_that_is_an_error_does_not_keep_torch_from_being_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deprecated(value: bool) -> None:
        torch._C._set_cudnn_allow_tf32(value)
        raise DeprecationWarning

    monkeypatch.setitem(TORCH, "backends.cudnn.allow_tf32", Setting(lambda: None, deprecated))
    with own_process_state(CPU, 0, Determinism(tf32=True)):
        assert BACKENDS.cudnn.allow_tf32
        assert BACKENDS.cuda.matmul.allow_tf32


def test_settings_that_do_not_hold_are_told() -> None:
    """Better no rows than rows that say what isn't so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "use_deterministic_algorithms", lambda *_, **__: 1 / 0)
        before = state()
        with (
            pytest.raises(ZeroDivisionError),
            own_process_state(CPU, 0, Determinism(algorithms=True)),
        ):
            pass
        assert state() == before


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
