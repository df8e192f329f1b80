"""Output whose reader, such as ``head``, may have seen enough before all is written."""

from __future__ import annotations

import io
from typing import Any, TextIO


class _Pipe(io.FileIO):
    """An open file; what nobody reads any more goes nowhere."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            return memoryview(content).nbytes


def tolerant(stream: TextIO) -> TextIO:
    """Standard output or error of which no command notices that its reader has left.

    So what a command has yet to do, such as writing a page, it does. Characters that the encoding
    lacks, such as σ in ASCII, become question marks. A stream put in their place stays as it is.
    """
    if type(stream) is not io.TextIOWrapper:
        return stream
    stream.flush()
    try:
        stream.fileno()
    except OSError:  # it is no file, and so nobody can leave it
        stream.reconfigure(errors="replace")
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering or stream.write_through,
    )
