"""Checkpoints are written here as PyTorch writes them, with Python's own pickler and stand-ins for torch's names."""

import io
import os
import pickle
import random
import struct
import sys
import tracemalloc
import types
import zipfile
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest

from tfi2i.errors import UserError
from tfi2i.interop.pytorch_file import BadCheckpoint, find_state_dicts, load

STORAGE_TYPES = {
    "<f8": "DoubleStorage",
    "<f4": "FloatStorage",
    "<f2": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "<i8": "LongStorage",
    "<i4": "IntStorage",
    "<i2": "ShortStorage",
    "|i1": "CharStorage",
    "|u1": "ByteStorage",
    "|b1": "BoolStorage",
}
MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


@dataclass(eq=False)
class Storage:
    """A torch storage; `view` is a (start, length) part of it and `length` what its declaration says."""

    raw: np.ndarray
    kind: str = ""
    view: tuple | None = None
    length: int | None = None

    def declaration(self, key: str, torch: types.ModuleType, legacy: bool) -> tuple:
        kind = getattr(torch, self.kind or STORAGE_TYPES[self.raw.dtype.str])
        view = () if not legacy else (self.view and (f"{key}v", *self.view),)
        return ("storage", kind, key, "cuda:0", len(self.raw) if self.length is None else self.length, *view)


class Tensor:
    """A torch tensor: a view of a storage, rebuilt by `function`; offset and strides count elements."""

    def __init__(self, storage, shape, strides, offset=0, function="_rebuild_tensor_v2"):
        self.view = (storage, offset, shape, strides)
        self.function = function

    def __reduce__(self):
        extra = (False, OrderedDict()) if self.function == "_rebuild_tensor_v2" else ()
        return getattr(sys.modules["torch._utils"], self.function), (*self.view, *extra)


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_parameter, (self.tensor, True, OrderedDict())


class Call:
    """Any call that a pickle can ask for, harmful ones included."""

    def __init__(self, function, *arguments, state=None):
        self.reduction = (function, arguments, state)

    def __reduce__(self):
        return self.reduction


class ResnetGenerator:
    """Stands for a user's own class, as in a module that was pickled whole."""


def dense(array: np.ndarray, kind: str = "") -> Tensor:
    strides = [stride // array.itemsize for stride in array.strides]
    return Tensor(Storage(array.ravel(), kind), array.shape, tuple(strides))


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """Names for the pickler to write down; nothing in them works."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in STORAGE_TYPES.values():
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))
    torch.Size = type("Size", (), {"__module__": "torch"})
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"):
        function = types.FunctionType(load.__code__, {}, name)
        function.__module__, function.__qualname__ = "torch._utils", name
        setattr(utils, name, function)
    torch._utils = utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


class Pickler(pickle.Pickler):
    """Writes a storage as a declaration, and keeps its raw numbers by key."""

    def __init__(self, stream, protocol, legacy):
        super().__init__(stream, protocol)
        self.legacy, self.keys, self.raws = legacy, {}, {}

    def persistent_id(self, item):
        if not isinstance(item, Storage):
            return None
        key = self.keys.setdefault(id(item.raw), str(len(self.keys)))
        self.raws[key] = item.raw
        return item.declaration(key, sys.modules["torch"], self.legacy)


def pickled(tree, legacy=False, protocol=2) -> tuple[bytes, dict[str, np.ndarray]]:
    """The pickle of a tree and the raw storages that it refers to."""
    stream = io.BytesIO()
    pickler = Pickler(stream, protocol, legacy)
    pickler.dump(tree)
    return stream.getvalue(), pickler.raws


def zip_file(program: bytes, raws: dict, byteorder=b"little", compression=zipfile.ZIP_STORED, extra=()) -> bytes:
    entries = {"data.pkl": program, "byteorder": byteorder, "version": b"3\n", ".data/serialization_id": b"0701"}
    entries |= {f"data/{key}": raw.tobytes() for key, raw in raws.items()} | dict(extra)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(f"latest_net_G/{name}"), content, compression)
    return stream.getvalue()


def legacy_file(program: bytes, raws: dict, system=SYSTEM) -> bytes:
    head = b"".join(pickle.dumps(value, 2) for value in (MAGIC, 1001, system))
    storages = b"".join(struct.pack("<q", raw.size) + raw.tobytes() for raw in raws.values())
    return head + program + pickle.dumps(list(raws), 2) + storages


def save(path, tree, legacy=False, protocol=2):
    write = legacy_file if legacy else zip_file
    path.write_bytes(write(*pickled(tree, legacy, protocol)))
    return path


def honest_tree() -> dict:
    base = Storage(np.arange(48, dtype="<f4"))
    weights = OrderedDict(weight=Tensor(base, (6, 8), (8, 1)), bias=Tensor(base, (6,), (8,), 3))
    return {
        "state_dict": Call(OrderedDict, list(weights.items()), state={"_metadata": OrderedDict(version=1)}),
        "transposed": Tensor(base, (8, 6), (1, 8)),
        "strided": Tensor(base, (3, 3), (16, 3), 8),
        "expanded": Tensor(base, (5, 8), (0, 1), 40),
        "long stride": Tensor(base, (1, 2), (2**60, 1)),
        "scalar": dense(np.array(3.5, "<f4")),
        "empty": Tensor(Storage(np.array([], "<f4")), (0, 3), (3, 1)),
        "parameter": Parameter(dense(np.array([1.0, -2.0], "<f4"))),
        "first version": Tensor(base, (2,), (1,), function="_rebuild_tensor"),
        "size": Call(sys.modules["torch"].Size, (2, 3)),
        "plain": [1, -70000, 10**30, 2.5, "ä", None, True, (1, (2,)), {7: "seven"}],
    }


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("legacy", [False, True])
def test_reads_what_was_saved(tmp_path, legacy, protocol):
    tree = load(save(tmp_path / "net.pth", honest_tree(), legacy, protocol))
    base = np.arange(48, dtype="float32").reshape(6, 8)
    expected = {
        "transposed": base.T,
        "strided": base[1::2, ::3],
        "expanded": np.broadcast_to(base[5], (5, 8)),
        "long stride": base[:1, :2],
        "scalar": np.float32(3.5),
        "empty": np.empty((0, 3), "float32"),
        "parameter": np.array([1.0, -2.0], "float32"),
        "first version": base[0, :2],
    }
    for name, array in expected.items():
        assert tree[name].dtype == np.float32 and not tree[name].flags.writeable
        np.testing.assert_array_equal(tree[name], array, strict=True)
    state = tree["state_dict"]
    assert type(state) is dict and list(state) == ["weight", "bias"]
    np.testing.assert_array_equal(state["weight"], base)
    np.testing.assert_array_equal(state["bias"], base[:, 3])
    assert np.shares_memory(state["weight"], tree["transposed"])
    assert tree["size"] == (2, 3)
    assert tree["plain"] == honest_tree()["plain"]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "|i1", "|u1", "|b1"])
def test_keeps_the_type_of_every_storage(tmp_path, dtype, legacy):
    array = np.array([[0, 1, 100], [1, 0, 7]]).astype(dtype)
    tensor = load(save(tmp_path / "net.pth", {"x": dense(array)}, legacy))["x"]
    np.testing.assert_array_equal(tensor, array, strict=True)


def test_bfloat16_becomes_float32(tmp_path):
    bits = np.array([0x3F80, 0xC020, 0x7F80, 0x0001], "<u2")  # 1, -2.5, inf and the smallest subnormal
    tensor = load(save(tmp_path / "net.pth", {"x": dense(bits, "BFloat16Storage")}))["x"]
    np.testing.assert_array_equal(tensor, np.array([1.0, -2.5, np.inf, 2.0**-133], "float32"), strict=True)


def test_reads_views_of_storages_from_before_pytorch_0_4(tmp_path):
    raw = np.arange(10, dtype="<f4")
    tree = {"whole": Tensor(Storage(raw), (10,), (1,)), "part": Tensor(Storage(raw, view=(4, 5)), (4,), (1,), 1)}
    np.testing.assert_array_equal(load(save(tmp_path / "net.pth", tree, legacy=True))["part"], [5, 6, 7, 8])


def test_reads_strings_of_python_2(tmp_path):
    program = b"\x80\x02}q\x01U\x05epochK\x07s."
    (tmp_path / "net.pth").write_bytes(legacy_file(program, {}))
    assert load(tmp_path / "net.pth") == {"epoch": 7}


def test_find_state_dicts_at_most_two_levels_deep(tmp_path):
    state = OrderedDict({"module.a.weight": dense(np.ones(3, "<f4")), "module.a.bias": dense(np.zeros(1, "<f4"))})
    partly = OrderedDict({"module.a.weight": dense(np.ones(3, "<f4")), "b": dense(np.zeros(1, "<f4"))})
    optimizer = {"state": {0: {"exp_avg": dense(np.ones(3, "<f4"))}}, "param_groups": [{"lr": 0.1}]}
    tree = {"epoch": 3, "a": state, "nets": {"G": partly, "deep": {"D": state}}, "opt": optimizer, "none": {}}
    found = find_state_dicts(load(save(tmp_path / "gen.pt", tree)))
    assert {place: list(state) for place, state in found.items()} == {
        "a": ["a.weight", "a.bias"],
        "nets/G": ["module.a.weight", "b"],
    }
    assert list(find_state_dicts(load(save(tmp_path / "net.pth", state)))[""]) == ["a.weight", "a.bias"]


def lie(shape=(2,), strides=(1,), offset=0, length=4) -> dict:
    return {"x": Tensor(Storage(np.arange(4, dtype="<f4"), length=length), shape, strides, offset)}


REFUSED_TREES = {
    "evil": ({"x": Call(os.system, "touch canary")}, f"{os.name}.system"),
    "builtin": ({"x": Call(eval, "open('canary', 'w')")}, "eval"),
    "whole module": (ResnetGenerator(), "ResnetGenerator"),
    "object in a dict": ({"args": types.SimpleNamespace(lr=1)}, "SimpleNamespace"),
    "NumPy array": ({"x": np.ones(3)}, "numpy"),
    "no dict": ([1, 2], "holds one list"),
    "bare storage": ({"x": Storage(np.ones(3, "<f4"))}, "bare storage"),
    "bare name": ({"x": (1, OrderedDict)}, "collections.OrderedDict"),
    "tuple as a key": ({(1, 2): 3}, "dict key of type tuple"),
    "shape too large": (lie(shape=(5,)), "reaches beyond"),
    "stride too large": (lie(strides=(4,)), "reaches beyond"),
    "offset too large": (lie(offset=3), "reaches beyond"),
    "negative stride": (lie(strides=(-1,), offset=3), "natural number"),
    "offset overflows": (lie(offset=2**63), "natural number"),
    "stride overflows": (lie(strides=(2**61,)), "reaches beyond"),
    "sizes of another rank": (lie(shape=(2, 2)), "damaged"),
    "storage larger than the file": (lie(length=2**40), "more bytes of tensors than the file"),
    "storage of another size": (lie(length=3), "3|12"),
    "expanded tensor to walk through": (
        {"x": Call(OrderedDict, Tensor(Storage(np.ones(1, "<f4")), (2**29,), (0,)))},
        "ndarray in a place",
    ),
    "expanded without end": (lie(shape=(2**30, 2**30), strides=(0, 0)), "larger than the budget"),
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("tree, found", REFUSED_TREES.values(), ids=REFUSED_TREES)
def test_refuses_what_is_no_plain_tensor(tmp_path, monkeypatch, tree, found, legacy):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "net.pth", tree, legacy)
    tracemalloc.start()
    with pytest.raises(BadCheckpoint, match=rf"net\.pth: .*({found})") as error:
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "\n" not in str(error.value)
    assert peak < 2**20
    assert os.listdir(tmp_path) == ["net.pth"]


def zip_of(tree, **options) -> bytes:
    return zip_file(*pickled(tree), **options)


def refused_files() -> dict[str, tuple[bytes, str]]:
    tree = {"x": dense(np.arange(64, dtype="<f4"))}
    whole, legacy = zip_of(tree), legacy_file(*pickled(tree, legacy=True))
    program, raws = pickled(tree)
    return {
        "TorchScript": (zip_of(tree, extra={"constants.pkl": b"", "code/net.py": b""}), "TorchScript"),
        "compressed": (zip_of(tree, compression=zipfile.ZIP_DEFLATED), "compressed"),
        "big-endian zip": (zip_of(tree, byteorder=b"big"), "big-endian"),
        "big-endian legacy": (legacy_file(*pickled({}), system={"little_endian": False}), "big-endian"),
        "other zip": (zip_of(tree).replace(b"data.pkl", b"data.txt"), "0 checkpoints"),
        "missing storage": (zip_file(program, {}), "no entry"),
        "changed weight": (whole.replace(raws["0"].tobytes(), raws["0"][::-1].tobytes()), "CRC"),
        "cut zip": (whole[: len(whole) // 2], "damaged"),
        "cut legacy": (legacy[:-4], "cut short"),
        "cut legacy pickle": (legacy[:150], "damaged"),
        "unlisted storage": (legacy_file(pickled(tree, legacy=True)[0], {"9": raws["0"]}), "list of storages"),
        "empty": (b"", "no PyTorch checkpoint"),
        "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "begins with b'version http'"),
        "other pickle": (pickle.dumps({"a": 1}), "a pickle, but no PyTorch checkpoint"),
        "evil pickle": (pickle.dumps(Call(os.system, "touch canary"), 2), f"{os.name}.system"),
    }


def test_refuses_other_and_damaged_files(tmp_path):
    for name, (content, found) in refused_files().items():
        path = tmp_path / f"{name}.pth"
        path.write_bytes(content)
        with pytest.raises(BadCheckpoint, match=rf"{name}\.pth: .*({found})") as error:
            load(path)
        assert isinstance(error.value, UserError) and "\n" not in str(error.value)


def test_refuses_missing_files_folders_and_files_beyond_the_budget(tmp_path):
    path = save(tmp_path / "net.pth", {"x": dense(np.ones(64, "<f4"))})
    with pytest.raises(BadCheckpoint, match=r"none\.pth: no such file"):
        load(tmp_path / "none.pth")
    with pytest.raises(BadCheckpoint, match="not a file"):
        load(tmp_path)
    with pytest.raises(BadCheckpoint, match="too large"):
        load(path, budget_bytes=100)
    load(path, budget_bytes=path.stat().st_size)


def nested_pairs(depth: int) -> bytes:
    """A tuple of two tuples of two tuples ..., each written once; to hash or print it takes 2**depth steps."""
    return b")" + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(depth))


BOMBS = {
    "key that takes forever to hash": b"\x80\x02}" + nested_pairs(60) + b"K\x01s.",
    "name that takes forever to print": b"\x80\x02" + nested_pairs(60) + b"\x8c\x01x\x93.",
    "persistent id that takes forever to print": b"\x80\x02" + nested_pairs(60) + b"Q.",
    "one list in many dicts": (
        b"\x80\x02ccollections\nOrderedDict\nq\x01]("
        + b"".join(b"J%bK\x00\x86" % struct.pack("<i", n) for n in range(4000))
        + b"eq\x02("
        + b"h\x01h\x02\x85R" * 4000
        + b"t."
    ),
    "integer of many digits": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01" * 100 + b".",
    "string of many bytes": b"\x80\x02\x8d" + struct.pack("<Q", 2**62) + b"a" * 100 + b".",
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("program", BOMBS.values(), ids=BOMBS)
def test_small_files_stay_small(tmp_path, program, legacy):
    (tmp_path / "net.pth").write_bytes(legacy_file(program, {}) if legacy else zip_file(program, {}))
    tracemalloc.start()
    with pytest.raises(BadCheckpoint):
        load(tmp_path / "net.pth")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * (tmp_path / "net.pth").stat().st_size + 2**20


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to three random changes: other bytes, extreme numbers, and parts cut out, repeated or moved."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(data) or 1)
        stop = start + chance.randint(1, 40)
        match chance.randrange(6):
            case 0:
                data[start : start + 1] = bytes([chance.randrange(256)])
            case 1:
                data[start : start + 4] = chance.choice([b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f"])
            case 2:
                del data[start:stop]
            case 3:
                data[start:start] = data[start:stop]
            case 4:
                data[start:start] = chance.choice([b"cos\nsystem\n", b"R", b"Q", b"t", b"(", b"\x93", b"\x81", b"b"])
            case _ if chance.random() < 0.2:
                del data[start:]
    return bytes(data)


def test_mutated_files_load_or_are_refused_and_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    evil = {"x": Call(os.system, "touch canary"), "y": dense(np.ones(3, "<f4"))}
    small = {"x": dense(np.ones((2, 3), "<f4")), "y": [1, "two", {"z": dense(np.arange(4))}]}
    seeds = []
    for write, legacy in ((zip_file, False), (legacy_file, True)):
        programs = [pickled(tree, legacy, protocol) for tree in (honest_tree(), small, evil) for protocol in (2, 4)]
        seeds += [(write, *program) for program in programs]
    path, outcomes = tmp_path / "net.pth", {"loaded": 0, "refused": 0}
    tracemalloc.start()
    for n in range(3200):
        write, program, raws = chance.choice(seeds)
        # Every other file is changed inside of its pickle only, so that the check sums of a zip hold.
        content = mutated(write(program, raws), chance) if n % 2 else write(mutated(program, chance), raws)
        path.write_bytes(content)
        try:
            load(path)
            outcomes["loaded"] += 1
        except BadCheckpoint as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert min(outcomes.values()) > 100, outcomes
    assert peak < 4 * 2**20
    assert os.listdir(tmp_path) == ["net.pth"]
