"""What a failure is called in a row."""

from __future__ import annotations

import re

import torch

from scorebench.errors import DivergenceError, ScorebenchError, TimeLimitError

LONGEST = 2000  # characters of an error that are told

# What torch tells where there is no memory left: the system's, or a device's for what isn't of
# torch's own allocator, such as the workspaces of cuBLAS and cuDNN.
_NO_MEMORY = re.compile(
    r"(can't|cannot|could not|failed to) allocate memory|not enough memory|out of memory"
    r"|ALLOC(ATION)?_FAILED",
    re.IGNORECASE,
)


def status(error: BaseException) -> str:
    """``diverged``, ``timeout``, ``out_of_memory`` or ``failed``."""
    match error:
        case DivergenceError():
            return "diverged"
        case TimeLimitError():
            return "timeout"
        case _ if is_out_of_memory(error):
            return "out_of_memory"
        case _:
            return "failed"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch might have gone well."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None


def one_line(error: BaseException) -> str:
    """What went wrong, for the column ``error``."""
    try:
        told = " ".join(str(error).split())
    except Exception:  # of its own __str__
        told = ""
    told = told if len(told) <= LONGEST else f"{told[:LONGEST]}…"
    if isinstance(error, ScorebenchError) and told:
        return told
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
