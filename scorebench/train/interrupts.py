"""Ctrl-C between two steps, and never amid one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back, and tell whether it was pressed; pressed twice it interrupts at once.

    A step stopped halfway can be neither kept nor repeated. Where Ctrl-C is ignored or someone
    else's affair, and in threads, which it doesn't reach, nothing is held back.
    """
    pressed = threading.Event()

    def hold(*_: object) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread()
    if not ours or before is not signal.default_int_handler:
        yield pressed.is_set
        return
    signal.signal(signal.SIGINT, hold)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
