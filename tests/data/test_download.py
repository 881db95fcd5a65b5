"""fetch and unpack, against a real server on the loopback interface and real archives."""

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tfi2i.data.download import fetch, unpack
from tfi2i.errors import UserError

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; breaks a connection off after `limit` bytes; `ranges` says whether it knows HTTP ranges."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.limit, self.ranges = {}, None, True
        self.asked = []  # (path, Range header)

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        content = self.server.files.get(self.path)
        if content is None:
            return self.send_error(404)
        start = 0
        if self.server.ranges and (asked := re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))):
            start = int(asked[1])
            if start >= len(content):
                return self.reply(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}, b"")
        headers = {"Content-Length": str(len(content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.reply(206 if start else 200, headers, content[start:][: self.server.limit])

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server():
    with serving() as running:
        running.files["/set.bin"] = CONTENT
        yield running


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_whole_download_then_no_network(server, tmp_path):
    destination = tmp_path / "new" / "set.bin"
    assert fetch([server.url("/set.bin")], SHA256, destination, "page") == destination
    assert destination.read_bytes() == CONTENT
    fetch([server.url("/set.bin")], SHA256, destination, "page")
    assert len(server.asked) == 1
    assert names(destination.parent) == ["set.bin"]


def test_broken_connections_are_resumed_where_they_ended(server, tmp_path):
    server.limit = 500_000
    fetch([server.url("/set.bin")], SHA256, tmp_path / "set.bin", "page")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=500000-", "bytes=1000000-"]


def test_a_killed_download_is_resumed_by_the_next_call(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:700_000])
    fetch([server.url("/set.bin")], SHA256, tmp_path / "set.bin", "page")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert server.asked == [("/set.bin", "bytes=700000-")]
    assert names(tmp_path) == ["set.bin"]


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"more"], ids=["complete", "too long"])
def test_a_part_with_nothing_missing(server, tmp_path, part):
    (tmp_path / "set.bin.part").write_bytes(part)
    fetch([server.url("/set.bin")], SHA256, tmp_path / "set.bin", "page")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(server, tmp_path):
    server.ranges = False
    (tmp_path / "set.bin.part").write_bytes(b"x" * 700_000)
    fetch([server.url("/set.bin")], SHA256, tmp_path / "set.bin", "page")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_mirror_with_other_content_gives_way_to_the_next(server, tmp_path):
    server.files["/changed.bin"] = CONTENT[:-1] + b"?"
    fetch([server.url("/changed.bin"), server.url("/set.bin")], SHA256, tmp_path / "set.bin", "page")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert server.asked[-1] == ("/set.bin", None)
    assert names(tmp_path) == ["set.bin"]


def test_when_all_mirrors_fail_the_message_says_all(server, tmp_path):
    server.files["/changed.bin"] = b"a page that says sorry"
    with serving() as closed:
        dead = closed.url("/set.bin")
    urls = [server.url("/absent.bin"), server.url("/changed.bin"), dead]
    with pytest.raises(UserError) as caught:
        fetch(urls, SHA256, tmp_path / "set.bin", by_hand="ask the authors")
    message = str(caught.value)
    assert "\n" not in message
    for said in (*urls, "404", "wrong content", "refused", "ask the authors", str(tmp_path / "set.bin"), SHA256):
        assert said in message
    assert names(tmp_path) == []


def test_a_file_put_there_by_hand_is_verified_and_never_removed(server, tmp_path):
    destination = tmp_path / "set.bin"
    destination.write_bytes(b"something else")
    with pytest.raises(UserError, match="not the file it should be"):
        fetch([server.url("/set.bin")], SHA256, destination, "page")
    assert destination.read_bytes() == b"something else"
    assert server.asked == []


def test_without_a_published_hash_the_first_download_is_trusted_and_held_to(server, tmp_path, capsys):
    destination, record = tmp_path / "set.bin", tmp_path / "set.bin.sha256"
    fetch([server.url("/set.bin")], None, destination, "page")
    assert record.read_text() == f"{SHA256}  set.bin\n"
    assert "no SHA-256 is published" in capsys.readouterr().err

    fetch([server.url("/set.bin")], None, destination, "page")
    assert "published" not in capsys.readouterr().err
    destination.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=SHA256):
        fetch([server.url("/set.bin")], None, destination, "page")

    destination.unlink()
    server.files["/set.bin"] = CONTENT[::-1]
    with pytest.raises(UserError, match="wrong content"):
        fetch([server.url("/set.bin")], None, destination, "page")


def test_without_a_published_hash_mirrors_are_not_mixed(server, tmp_path):
    server.limit = 0
    server.files["/broken.bin"] = CONTENT[::-1]
    with pytest.raises(UserError, match=f"0 of {len(CONTENT)} bytes"):
        fetch([server.url("/broken.bin")], None, tmp_path / "set.bin", "page")
    part = next(tmp_path.glob("*.part"))
    part.write_bytes(CONTENT[::-1][:1000])
    server.limit = None
    fetch([server.url("/set.bin")], None, tmp_path / "set.bin", "page")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["set.bin", "set.bin.sha256"]


# Archives ------------------------------------------------------------------------------------------------------------


def tar_of(path, *members, mode="w:gz"):
    """Members are (name, content) or TarInfo."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size, info.mode = len(member[1]), 0o4777
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def zip_of(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members:
            zipped.writestr(name, content)
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


GOOD = [("set/train/2013-11-08 16:45:24.jpg", b"one"), ("./set/val/2.jpg", b"two" * 1000)]


@pytest.mark.parametrize("form", ["tar.gz", "tar", "zip"])
def test_unpack(tmp_path, form):
    path = tmp_path / f"set.{form}"
    archive = zip_of(path, *GOOD) if form == "zip" else tar_of(path, *GOOD, mode="w:gz" if form == "tar.gz" else "w")
    folder = unpack(archive, tmp_path / "new" / "set")
    assert (folder / GOOD[0][0]).read_bytes() == b"one"
    assert (folder / "set/val/2.jpg").read_bytes() == b"two" * 1000
    assert not (folder / GOOD[0][0]).stat().st_mode & 0o7111
    assert names(tmp_path / "new") == ["set"]
    with pytest.raises(UserError, match="exists already"):
        unpack(archive, folder)
    assert (folder / GOOD[0][0]).read_bytes() == b"one"


@pytest.mark.parametrize(
    "evil",
    [
        ("../outside", b"x"),
        ("/outside", b"x"),
        ("set/../../outside", b"x"),
        ("C:\\outside", b"x"),
        ("..\\outside", b"x"),
        special("link", tarfile.SYMTYPE, ".."),
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.LNKTYPE, "../outside"),
        special("device", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda evil: evil[0] if isinstance(evil, tuple) else f"{evil.name} {evil.linkname}",
)
def test_evil_tar(tmp_path, evil):
    archive = tar_of(tmp_path / "evil.tar.gz", GOOD[0], evil)
    with pytest.raises(UserError, match="refused"):
        unpack(archive, tmp_path / "in" / "set")
    assert names(tmp_path) == ["evil.tar.gz", "in"]
    assert names(tmp_path / "in") == []


@pytest.mark.parametrize("name", ["../outside", "/outside", "set/../../outside", "..\\outside"])
def test_evil_zip(tmp_path, name):
    with pytest.raises(UserError, match="refused"):
        unpack(zip_of(tmp_path / "evil.zip", GOOD[0], (name, b"x")), tmp_path / "in" / "set")
    assert names(tmp_path) == ["evil.zip", "in"]


def test_zip_with_a_link(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with pytest.raises(UserError, match="refused"):
        unpack(zip_of(tmp_path / "evil.zip", (link, "/etc")), tmp_path / "set")


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_bomb(tmp_path, make):
    archive = make(tmp_path / "bomb", ("a", bytes(2**20)), ("b", bytes(2**20)))
    unpack(archive, tmp_path / "enough", largest=2**21)
    with pytest.raises(UserError, match="more than 2097151 bytes"):
        unpack(archive, tmp_path / "set", largest=2**21 - 1)
    assert names(tmp_path) == ["bomb", "enough"]


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_damaged_archive(tmp_path, make, damage):
    archive = make(tmp_path / "set", ("a", hashlib.sha512(b"").digest() * 500), ("b", CONTENT))
    whole = archive.read_bytes()
    middle = len(whole) // 2
    archive.write_bytes(
        {
            "cut": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
            "empty": b"",
            "text": b"<html>sorry</html>" * 100,
        }[damage]
    )
    with pytest.raises(UserError, match="damaged"):
        unpack(archive, tmp_path / "folder")
    assert names(tmp_path) == ["set"]
