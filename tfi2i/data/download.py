"""Downloads that can be resumed and are verified, and archives that are unpacked without trust."""

import gzip
import hashlib
import http.client
import os
import re
import shutil
import stat
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from tfi2i.errors import UserError

_TIMEOUT = 30  # seconds without a byte
_ATTEMPTS = 5  # at one mirror, as long as each brings something
_CHUNK = 1 << 20
_LARGEST = 32 << 30  # bytes an archive may unpack to; the largest named set has 9 GB

_NETWORK_ERRORS = (OSError, http.client.HTTPException)


def fetch(urls: Sequence[str], sha256: str | None, destination: Path, by_hand: str) -> Path:
    """Download a file that several mirrors hold, once.

    A broken download stays beside `destination` as a `.part` file and is continued by the next attempt, or by the next
    call. A file that is at `destination` already is verified and nothing is downloaded. Two processes must not fetch
    the same file at the same time.

    Args:
        urls: mirrors, tried in turn; without any, only a file put there by hand will do.
        sha256: of the file, in hexadecimal. None trusts the first download: its hash is written to
            `destination` + ".sha256" and verified from then on.
        destination: where the file goes; missing folders are made.
        by_hand: where a person finds the file, a clause for the message when every mirror fails.

    Returns: `destination`.

    Raises:
        UserError: every mirror failed (says why, and where to put the file by hand), the file at `destination` is not
            the expected one, or it can't be written.
    """
    record = destination.with_name(destination.name + ".sha256")
    expected = sha256 or _recorded(record)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists():
            _verify_existing(destination, expected)
        else:
            _fetch_from_any(urls, sha256, expected, destination, by_hand)
        if expected is None:
            _trust(destination, record)
    except OSError as error:
        raise UserError(f"{destination}: cannot be written or read: {error.strerror or error}") from error
    return destination


def _verify_existing(path: Path, expected: str | None):
    if expected and (received := sha256_of(path)) != expected:
        raise UserError(
            f"{path}: not the file it should be (expected SHA-256 {expected}, received {received}); "
            "delete it to download it again"
        )


def _fetch_from_any(urls: Sequence[str], sha256: str | None, expected: str | None, destination: Path, by_hand: str):
    failures = []
    for url in urls:
        part = _part(destination, url, sha256)
        failure = _download(url, part) or _mismatch(part, expected)
        if failure is None:
            os.replace(part, destination)
            for begun_elsewhere in destination.parent.glob(f"{destination.name}.*.part"):
                begun_elsewhere.unlink()
            return
        failures.append(f"{url}: {failure}")
    known = f"its SHA-256 is {expected}" if expected else "its SHA-256 is not known beforehand"
    tried = f"no mirror could be used ({'; '.join(failures)})" if urls else "no program can download it"
    raise UserError(
        f"{destination.name}: {tried}; "
        f"get the file by hand ({by_hand}), save it as {destination} and run this again; {known}"
    )


def _part(destination: Path, url: str, sha256: str | None) -> Path:
    """Without a published hash nothing would tell that a file was begun at one mirror and ended at another."""
    mirror = "" if sha256 else "." + hashlib.sha256(url.encode()).hexdigest()[:8]
    return destination.with_name(f"{destination.name}{mirror}.part")


def _mismatch(part: Path, expected: str | None) -> str | None:
    if expected and (received := sha256_of(part)) != expected:
        part.unlink()
        return f"wrong content (expected SHA-256 {expected}, received {received})"
    return None


def _download(url: str, part: Path) -> str | None:
    """Bring `part` to its full length; returns what went wrong, or None."""
    for _ in range(_ATTEMPTS):
        before = _size(part)
        failure = _continue_download(url, part)
        if failure is None or _size(part) <= before:
            break
    return failure


def _continue_download(url: str, part: Path) -> str | None:
    try:
        response, offset = _open_at(url, _size(part))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not part.exists():
            return f"HTTP {error.code} {error.reason}"
        if error.headers.get("Content-Range") == f"bytes */{_size(part)}":
            return None  # nothing was missing
        part.unlink()  # longer than the file: of something else
        return _continue_download(url, part)
    except _NETWORK_ERRORS as error:
        return _reason(error)
    with response, part.open("ab") as file:
        file.truncate(offset)
        length = response.headers.get("Content-Length")
        total = offset + int(length) if length else None
        return _copy_body(response, file, offset, total)


def _open_at(url: str, offset: int) -> tuple[http.client.HTTPResponse, int]:
    """The response and the position at which its body begins: 0 where the server ignores the range."""
    headers = {"User-Agent": "tfi2i", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    granted = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status != 206:
        return response, 0
    if granted is None or int(granted[1]) != offset:
        response.close()
        raise http.client.HTTPException("the server sent another range than was asked for")
    return response, offset


def _copy_body(response: http.client.HTTPResponse, file: BinaryIO, offset: int, total: int | None) -> str | None:
    with tqdm(
        total=total,
        initial=offset,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        desc=response.url.rsplit("/", 1)[-1],
        leave=False,
    ) as progress:
        while True:
            try:
                chunk = response.read(_CHUNK)
            except _NETWORK_ERRORS as error:
                return _reason(error)
            if not chunk:
                break
            file.write(chunk)
            offset += len(chunk)
            progress.update(len(chunk))
    if total is not None and offset != total:
        return f"the connection ended after {offset} of {total} bytes"
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _recorded(record: Path) -> str | None:
    if not record.exists():
        return None
    words = record.read_text().split()
    if not words or not re.fullmatch("[0-9a-f]{64}", words[0]):
        raise UserError(f"{record}: does not hold a SHA-256; delete it to record the hash anew")
    return words[0]


def _trust(path: Path, record: Path):
    """Write the hash as `sha256sum --check` reads it."""
    digest = sha256_of(path)
    aside = record.with_name(record.name + ".part")
    aside.write_text(f"{digest}  {path.name}\n")
    os.replace(aside, record)
    print(
        f"tfi2i: no SHA-256 is published for {path.name}; trusting this download and recording {digest} in {record}",
        file=sys.stderr,
    )


# Archives ------------------------------------------------------------------------------------------------------------

_Member = tuple[str, int, Callable[[], BinaryIO] | None]  # name, bytes, how to open it; None is a folder

_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)


class _UnsafeError(Exception):
    """A member that must not be unpacked."""


def unpack(archive: Path, folder: Path, largest: int = _LARGEST) -> Path:
    """Unpack a tar, tar.gz or zip archive into a new folder, which appears whole or not at all.

    Only regular files and folders are written, with contents alone: no modes, owners or times.

    Args:
        archive: the file.
        folder: to be made; its parent too.
        largest: bytes the contents may have together.

    Returns: `folder`.

    Raises:
        UserError: a damaged archive; one with a path out of the folder, a link, a device, or more than `largest`
            bytes; or the folder exists or can't be written. Nothing is left of what was unpacked.
    """
    if folder.exists():
        raise UserError(f"{folder}: exists already; remove it to unpack {archive.name} there")
    aside = folder.with_name(folder.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        _unpack_into(archive, aside, largest)
        os.replace(aside, folder)
    except _UnsafeError as error:
        raise UserError(f"{archive}: refused: {error}; delete it, and get it from a source you trust") from error
    except _DAMAGE as error:
        raise UserError(f"{archive}: a damaged archive ({error}); delete it to download it again") from error
    except OSError as error:
        raise UserError(f"{archive}: cannot be unpacked into {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _unpack_into(archive: Path, folder: Path, largest: int):
    total = 0
    for name, size, opened in _members(archive, folder):
        path = folder / _relative(name)
        total += size
        if total > largest:
            raise _UnsafeError(f"it unpacks to more than {largest} bytes")
        if opened is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened() as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    drive = re.match("[A-Za-z]:", name)  # further on, a colon is a time in the name of a photo
    if path.is_absolute() or ".." in path.parts or drive or "\0" in name:
        raise _UnsafeError(f"the path {name!r} leads out of the folder")
    return path


def _members(archive: Path, folder: Path) -> Iterator[_Member]:
    with archive.open("rb") as file:
        magic = file.read(2)
    if magic == b"PK":
        return _zip_members(archive)
    return _tar_members(archive, "r:gz" if magic == b"\x1f\x8b" else "r:", folder)


def _tar_members(archive: Path, mode: str, folder: Path) -> Iterator[_Member]:
    with tarfile.open(archive, mode) as tar:
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise _UnsafeError(f"{member.name!r} is a link or a device")
            if hasattr(tarfile, "data_filter"):  # Python 3.10.12, 3.11.4, 3.12 and later
                try:
                    tarfile.data_filter(member, str(folder))
                except tarfile.FilterError as error:
                    raise _UnsafeError(str(error)) from error
            yield member.name, member.size, partial(tar.extractfile, member) if member.isfile() else None


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _UnsafeError(f"{member.filename!r} is a link or a device")
            yield member.filename, member.file_size, None if member.is_dir() else partial(zipped.open, member)
