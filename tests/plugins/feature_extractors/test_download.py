"""Downloads from a server of the test's own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scorebench_plugins.feature_extractors.download import fetch, sha256_of

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ASKED: list[str] = []


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"10\r\nabc")
        else:
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:-1] if self.path == "/cut" else CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def only_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_downloaded_once(address, tmp_path):
    path = tmp_path / "new" / "file.pt"
    fetch(f"{address}/whole", path, SHA256)
    assert path.read_bytes() == CONTENT
    assert only_files(path.parent) == ["file.pt"]
    assert path.stat().st_mode & 0o777 == 0o644
    ASKED.clear()
    fetch(f"{address}/whole", path, SHA256)
    assert ASKED == []


def test_a_file_of_another_content_is_replaced(address, tmp_path):
    path = tmp_path / "file.pt"
    path.write_bytes(CONTENT[:-1])
    fetch(f"{address}/whole", path, SHA256)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("cut", f"sha256 .* instead of {SHA256[:16]}"),
        ("chunks", "IncompleteRead"),
        ("missing", "404"),
    ],
)
def test_what_fails_leaves_nothing(address, tmp_path, page, told):
    with pytest.raises(OSError, match=told):
        fetch(f"{address}/{page}", tmp_path / "file.pt", SHA256)
    assert only_files(tmp_path) == []


def test_what_fails_leaves_what_was_there(address, tmp_path):
    path = tmp_path / "file.pt"
    path.write_bytes(b"something else")
    with pytest.raises(OSError, match="sha256"):
        fetch(f"{address}/cut", path, SHA256)
    assert path.read_bytes() == b"something else"
    assert only_files(tmp_path) == ["file.pt"]


def test_no_server(tmp_path):
    with pytest.raises(OSError, match="refused"):
        fetch("http://127.0.0.1:9/file", tmp_path / "file.pt", SHA256)
    assert only_files(tmp_path) == []


def test_a_folder_that_cannot_be(address, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"File exists|Not a directory"):
        fetch(f"{address}/whole", tmp_path / "file" / "file.pt", SHA256)


def test_the_digest_of_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert sha256_of(path) == SHA256
