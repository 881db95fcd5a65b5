"""Reads PyTorch checkpoint files without PyTorch, and without running anything that they name.

A checkpoint is a pickle plus raw little-endian storages. Unpickling runs whatever code a file asks for, so the pickle
is interpreted here, instruction by instruction, on a stack of plain values: nothing is imported, looked up or called on
the file's behalf. The few names that `torch.save` needs for tensors are known by heart; any other name is refused.

Two formats are read: the zip archive of PyTorch 1.6 and later, and the sequence of pickles and storages before it.
"""

import io
import math
import pickletools
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np

from tfi2i.errors import UserError

# What a storage holds in the file. BFloat16 is read as its upper 16 bits, Bool as its byte.
_STORED_DTYPES = {
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch BFloat16Storage": np.dtype("<u2"),
    "torch LongStorage": np.dtype("<i8"),
    "torch IntStorage": np.dtype("<i4"),
    "torch ShortStorage": np.dtype("<i2"),
    "torch CharStorage": np.dtype("i1"),
    "torch ByteStorage": np.dtype("u1"),
    "torch BoolStorage": np.dtype("u1"),
}
_LOADED_DTYPES = _STORED_DTYPES | {
    "torch BFloat16Storage": np.dtype("float32"),  # NumPy has no bfloat16; float32 holds every value of it
    "torch BoolStorage": np.dtype("bool"),
}
_FUNCTIONS = {
    "collections OrderedDict",
    "torch Size",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
}

_ZIP_START = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_BIG_ENDIAN = "written on a big-endian machine (expected little-endian); save it again on another machine"

_LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
_LITERALS |= {"BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_CONTAINERS = {"EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLE_LENGTHS = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class BadCheckpoint(UserError):
    """A file that is no PyTorch checkpoint of plain tensors, or a damaged one."""


class _RefusedError(Exception):
    """The reason why a file isn't read; `load` adds the file's name."""


def load(path: str | Path, budget_bytes: int = 2**32) -> dict:
    """Returns what `torch.save` wrote to `path`: dicts, lists, tuples, numbers and strings, with tensors as arrays.

    Tensors are read-only NumPy arrays in PyTorch's layout; bfloat16 becomes float32, an OrderedDict a dict. Tensors
    that share a storage in the file share memory here.

    Args:
        path: a checkpoint of PyTorch's zip format or of the format before 1.6.
        budget_bytes: the most bytes that the file may have, and the most that all its tensors together may have.

    Raises:
        BadCheckpoint: whatever is wrong with the file; one line with its name and what was found.
    """
    try:
        data = _read(Path(path), budget_bytes)
        tree = _load_zip(data, budget_bytes) if data.startswith(_ZIP_START) else _load_legacy(data, budget_bytes)
        _check_plain(tree)
    except _RefusedError as error:
        raise BadCheckpoint(f"{path}: {error}") from error
    except Exception as error:  # the standard library meets a damaged file with many kinds of exception
        found = f"{type(error).__name__}: {_shown(str(error))}"
        raise BadCheckpoint(f"{path}: damaged or no PyTorch checkpoint ({found}); fetch or save it again") from error
    return tree


def find_state_dicts(tree: dict) -> dict[str, dict[str, np.ndarray]]:
    """Returns every dict of tensors at most two levels deep in a loaded checkpoint, by its place.

    The place of the tree itself is "", of `tree["a"]` it is "a", of `tree["a"]["b"]` it is "a/b". A prefix "module.",
    which DataParallel puts before every key, is taken off.
    """
    places = {"": tree}
    for _ in range(2):
        places |= {
            f"{place}/{key}" if place else key: value
            for place, node in places.items()
            for key, value in node.items()
            if isinstance(key, str) and isinstance(value, dict)
        }
    return {place: _without_module(node) for place, node in places.items() if _is_state_dict(node)}


def _is_state_dict(node: dict) -> bool:
    named = all(isinstance(key, str) and isinstance(value, np.ndarray) for key, value in node.items())
    return named and len(node) > 0


def _without_module(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if all(key.startswith("module.") for key in state):
        return {key.removeprefix("module."): array for key, array in state.items()}
    return dict(state)


def _read(path: Path, budget_bytes: int) -> bytes:
    if not path.is_file():
        found = "not a file" if path.exists() else "no such file"
        raise _RefusedError(f"{found} (expected a PyTorch checkpoint)")
    size = path.stat().st_size
    if size > budget_bytes:
        raise _RefusedError(f"too large (expected at most {budget_bytes} bytes, received {size}); raise the budget")
    return path.read_bytes()


def _load_zip(data: bytes, budget_bytes: int) -> dict:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        folder = _checkpoint_folder(archive)
        if f"{folder}/byteorder" in archive.namelist() and _read_entry(archive, f"{folder}/byteorder") != b"little":
            raise _RefusedError(_BIG_ENDIAN)
        unpickler = _Unpickler(file_bytes=len(data), tensor_bytes=budget_bytes)
        tree = unpickler.run(io.BytesIO(_read_entry(archive, f"{folder}/data.pkl")))
        for key, storage in unpickler.storages.items():
            storage.fill(_read_entry(archive, f"{folder}/data/{key}"))
    return tree


def _checkpoint_folder(archive: zipfile.ZipFile) -> str:
    """The one folder at the top of the archive that holds data.pkl."""
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise _RefusedError(
            "a TorchScript archive, which is code (expected a state dict); save model.state_dict() instead"
        )
    folders = [name.removesuffix("/data.pkl") for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(folders) != 1:
        raise _RefusedError(
            f"a zip file with {len(folders)} checkpoints in it (expected 1); give a file that torch.save wrote"
        )
    return folders[0]


def _read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """`torch.save` never compresses, so an entry cannot grow beyond the file that holds it."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise _RefusedError(f"has no entry {_shown(name)}; fetch or save it again") from None
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise _RefusedError(f"entry {_shown(name)} is compressed (expected stored); save it with torch.save, unchanged")
    return archive.read(entry)


def _load_legacy(data: bytes, budget_bytes: int) -> dict:
    stream = io.BytesIO(data)
    unpickler = _Unpickler(file_bytes=len(data), tensor_bytes=budget_bytes)
    _check_legacy_header(stream, unpickler)
    tree = unpickler.run(stream)
    keys = unpickler.run(stream)
    named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not named or sorted(keys) != sorted(unpickler.storages):
        raise _RefusedError("its list of storages differs from the storages in use; fetch or save it again")
    for key in keys:
        storage = unpickler.storages[key]
        length = int.from_bytes(stream.read(8), "little")
        if length != storage.length:
            raise _RefusedError(
                f"storage {_shown(key)} has {length} elements (expected {storage.length}); fetch it again"
            )
        storage.fill(stream.read(storage.stored_bytes))
    return tree


def _check_legacy_header(stream: io.BytesIO, unpickler: "_Unpickler") -> None:
    start = stream.getvalue()[:12]
    if not start.startswith(b"\x80"):
        raise _RefusedError(f"no PyTorch checkpoint (begins with {start!r}); give a file that torch.save wrote")
    magic = unpickler.run(stream)
    if not isinstance(magic, int) or magic != _LEGACY_MAGIC:
        raise _RefusedError("a pickle, but no PyTorch checkpoint; give a file that torch.save wrote")
    if _the(int, unpickler.run(stream)) != _LEGACY_PROTOCOL:
        raise _RefusedError(f"of another protocol (expected {_LEGACY_PROTOCOL}); save it again with a later PyTorch")
    system = _the(dict, unpickler.run(stream))
    if system["little_endian"] is not True:
        raise _RefusedError(_BIG_ENDIAN)


def _check_plain(tree: object) -> None:
    """Names and bare storages have no meaning outside of the file, so they must not remain in the result."""
    if not isinstance(tree, dict):
        raise _RefusedError(f"holds one {type(tree).__name__} (expected a dict); save model.state_dict() instead")
    todo, seen = [tree], set()
    while todo:
        node = todo.pop()
        if isinstance(node, _Name | _Storage):
            raise _RefusedError(f"has a {node} among its values (expected tensors); save model.state_dict() instead")
        if isinstance(node, dict | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            todo.extend(node.values() if isinstance(node, dict) else node)


def _shown(text: str) -> str:
    """A file's own words, made fit for one line of a message."""
    text = ascii(text)
    return text if len(text) <= 100 else f"{text[:100]}..."


@dataclass(frozen=True)
class _Name:
    """A global that the pickle refers to, as "module name"; never resolved."""

    text: str

    def __str__(self) -> str:
        return f"name {self.text.replace(' ', '.')}"


@dataclass(frozen=True)
class _Storage:
    """The flat array that tensors are views of, filled after the pickle that declares it is read."""

    kind: str
    values: np.ndarray

    def __str__(self) -> str:
        return "bare storage"

    @property
    def length(self) -> int:
        return len(self.values)

    @property
    def stored_bytes(self) -> int:
        return self.length * _STORED_DTYPES[self.kind].itemsize

    def fill(self, raw: bytes) -> None:
        if len(raw) != self.stored_bytes:
            raise _RefusedError(f"a storage is cut short (expected {self.stored_bytes} bytes, received {len(raw)})")
        stored = np.frombuffer(raw, _STORED_DTYPES[self.kind])
        if self.kind == "torch BFloat16Storage":
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        self.values[:] = stored


class _Unpickler:
    """A pickle's stack machine, reduced to what `torch.save` writes for tensors in plain containers.

    Attributes:
        storages: the storages declared so far, by key.
    """

    def __init__(self, file_bytes: int, tensor_bytes: int):
        self.storages: dict[str, _Storage] = {}
        self._storage_bytes_left = file_bytes
        self._pairs_left = file_bytes
        self._tensor_bytes_left = tensor_bytes

    def run(self, stream: io.BytesIO) -> object:
        """Interprets one pickle; the stream is left behind its end."""
        self._stack, self._outer_stacks, self._memo = [], [], {}
        for opcode, argument, _ in pickletools.genops(stream):
            self._step(opcode.name, argument)
        return self._stack.pop()

    def _step(self, opcode: str, argument: object) -> None:
        stack = self._stack
        if opcode in _LITERALS:
            stack.append(argument)
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode in _CONTAINERS:
            stack.append(_CONTAINERS[opcode]())
        elif opcode in _TUPLE_LENGTHS:
            self._make_tuple(_TUPLE_LENGTHS[opcode])
        else:
            self._instruct(opcode, argument)

    def _instruct(self, opcode: str, argument: object) -> None:
        stack = self._stack
        match opcode:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                self._outer_stacks.append(stack)
                self._stack = []
            case "TUPLE":
                self._stack = self._outer_stacks.pop()
                self._stack.append(tuple(stack))
            case "APPEND":
                item = stack.pop()
                _the(list, stack[-1]).append(item)
            case "APPENDS":
                self._stack = self._outer_stacks.pop()
                _the(list, self._stack[-1]).extend(stack)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _set_items(_the(dict, stack[-1]), [(key, value)])
            case "SETITEMS":
                self._stack = self._outer_stacks.pop()
                _set_items(_the(dict, self._stack[-1]), zip(stack[::2], stack[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_known_name(argument))
            case "STACK_GLOBAL":
                name, module = _the(str, stack.pop()), _the(str, stack.pop())
                stack.append(_known_name(f"{module} {name}"))
            case "BINPERSID":
                stack.append(self._storage(*_the(tuple, stack.pop())))
            case "REDUCE":
                arguments, function = _the(tuple, stack.pop()), _the(_Name, stack.pop())
                stack.append(self._call(function.text, arguments))
            case "BUILD":
                self._drop_attributes()
            case _:
                raise _RefusedError(
                    f"pickle instruction {opcode} (expected tensors only); save model.state_dict() instead"
                )

    def _make_tuple(self, length: int) -> None:
        items = tuple(self._stack.pop() for _ in range(length))
        self._stack.append(items[::-1])

    def _drop_attributes(self) -> None:
        """A state dict carries its modules' versions as an attribute `_metadata`; a plain dict has no place for it."""
        self._stack.pop()
        _the(dict, self._stack[-1])

    def _storage(
        self, tag: str, kind: _Name, key: str, location: str, length: int, view: tuple | None = None
    ) -> _Storage:
        """Answers a persistent id; a view is (its key, offset, length) inside a storage, as PyTorch 0.x wrote it."""
        if _the(str, tag) != "storage" or _the(_Name, kind).text not in _STORED_DTYPES:
            raise _RefusedError("a persistent object that is no storage; save model.state_dict() instead")
        (length,) = _sizes((length,))
        if _the(str, key) not in self.storages:
            self.storages[key] = self._new_storage(kind.text, length)
        storage = self.storages[key]
        if (storage.kind, storage.length) != (kind.text, length):
            raise _RefusedError(f"storage {_shown(key)} is declared twice, differently; fetch or save it again")
        if view is None:
            return storage
        start, view_length = _sizes(_the(tuple, view)[1:])
        return _Storage(storage.kind, storage.values[start : start + view_length])

    def _new_storage(self, kind: str, length: int) -> _Storage:
        self._storage_bytes_left -= length * _STORED_DTYPES[kind].itemsize
        if self._storage_bytes_left < 0:
            raise _RefusedError("declares more bytes of tensors than the file has; fetch or save it again")
        return _Storage(kind, np.empty(length, _LOADED_DTYPES[kind]))

    def _call(self, function: str, arguments: tuple) -> object:
        """Does by itself what the named function would do; nothing of that name is ever called."""
        match function:
            case "collections OrderedDict":
                return self._dict(*arguments)
            case "torch Size":
                return _sizes(*arguments)
            case "torch._utils _rebuild_parameter":
                return _the(np.ndarray, arguments[0])
            case "torch._utils _rebuild_tensor" | "torch._utils _rebuild_tensor_v2":
                return self._tensor(*arguments[:4])
            case _:
                raise _RefusedError(
                    f"calls {_shown(function)} (expected tensors only); save model.state_dict() instead"
                )

    def _dict(self, pairs: list | tuple = ()) -> dict:
        # One list can be named many times, so its pairs count against the size of the file that has to spell them.
        self._pairs_left -= len(_the(list | tuple, pairs))
        if self._pairs_left < 0:
            raise _RefusedError("declares more dict items than the file has bytes; fetch or save it again")
        return _set_items({}, pairs)

    def _tensor(self, storage: _Storage, offset: int, shape: tuple, strides: tuple) -> np.ndarray:
        """A view of a storage; offset and strides count elements."""
        dtype = _the(_Storage, storage).values.dtype
        shape, strides, (offset,) = _sizes(shape), _sizes(strides), _sizes((offset,))
        if math.prod(shape) == 0:
            offset, strides = 0, (0,) * len(shape)  # of no elements, so anywhere
        last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if math.prod(shape) > 0 and last >= storage.length:
            raise _RefusedError(f"a tensor of shape {shape} reaches beyond its storage; fetch or save it again")
        self._tensor_bytes_left -= math.prod(shape) * dtype.itemsize  # an expanded tensor is larger than its storage
        if self._tensor_bytes_left < 0:
            raise _RefusedError("its tensors together are larger than the budget; raise the budget")
        # The stride of an axis of length 1 is arbitrary in PyTorch and may overflow here.
        byte_strides = [stride * dtype.itemsize if n > 1 else 0 for n, stride in zip(shape, strides, strict=True)]
        view = np.ndarray(shape, dtype, storage.values, offset * dtype.itemsize, byte_strides)
        view.flags.writeable = False
        return view


def _known_name(text: str) -> _Name:
    if text not in _FUNCTIONS and text not in _STORED_DTYPES:
        found = _shown(text.replace(" ", "."))
        raise _RefusedError(
            f"refers to the Python object {found}, which is never loaded (expected tensors, dicts, lists, numbers and "
            "strings); if this is a whole pickled module, save its state_dict() instead"
        )
    return _Name(text)


def _the(kind: type | UnionType, value: object) -> Any:
    if not isinstance(value, kind):
        expected = getattr(kind, "__name__", kind)
        raise _RefusedError(
            f"damaged: has a {type(value).__name__} in a place for a {expected}; fetch or save it again"
        )
    return value


def _sizes(numbers: tuple) -> tuple[int, ...]:
    # NumPy before 2.0 has at most 32 axes.
    if len(_the(tuple, numbers)) > 32 or not all(type(n) is int and 0 <= n < 2**62 for n in numbers):
        raise _RefusedError("damaged: has a size or stride that is no natural number; fetch or save it again")
    return numbers


def _set_items(target: dict, items: Iterable) -> dict:
    for key, value in items:
        if not isinstance(key, str | bytes | int | float | None):  # a nested tuple can take forever to hash
            raise _RefusedError(f"a dict key of type {type(key).__name__} (expected a string or number)")
        target[key] = value
    return target
