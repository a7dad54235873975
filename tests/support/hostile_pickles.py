"""Pickles that want to run code, take memory or time, or confuse who reads them.

Each is a whole pickle, to be put where a PyTorch file has its own. ``CANARY`` in it stands for
the path of a file that it would write if any of its code ran.
"""

import struct

CANARY = "CANARY"
_CALL = b"touch CANARY"


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def pickled(body):
    return b"\x80\x02" + body + b"."


SYSTEM = name("os", "system")
_ORDERED = name("collections", "OrderedDict")
_REBUILD = name("torch._utils", "_rebuild_tensor_v2")
_FLOAT = name("torch", "FloatStorage")


def storage(key=b"0", count=b"K\x04", kind=_FLOAT):
    return b"(" + text("storage") + kind + text(key) + text("cpu") + count + b"tQ"


def tensor(stored=None, offset=b"K\x00", shape=b"(K\x04t", strides=b"(K\x01t"):
    stored = storage() if stored is None else stored
    return _REBUILD + b"(" + stored + offset + shape + strides + b"\x89" + _ORDERED + b")RtR"


def state(value):
    """A state dict with one entry."""
    return pickled(_ORDERED + b")R(" + text("conv1_1.weight") + value + b"u")


def long4(size):
    return b"\x8b" + struct.pack("<i", size)


_RUN = SYSTEM + b"(" + text(_CALL) + b"tR"

HOSTILE = {
    # Code through REDUCE, under many names.
    "reduce os.system": pickled(_RUN),
    "reduce posix.system": pickled(name("posix", "system") + b"(" + text(_CALL) + b"tR"),
    "reduce nt.system": pickled(name("nt", "system") + b"(" + text(_CALL) + b"tR"),
    "reduce eval": pickled(
        name("builtins", "eval") + b"(" + text("open('CANARY','w')") + b"tR"
    ),
    "reduce exec": pickled(
        name("builtins", "exec") + b"(" + text("open('CANARY','w')") + b"tR"
    ),
    "reduce Python 2's eval": pickled(
        name("__builtin__", "eval") + b"(" + text("open('CANARY','w')") + b"tR"
    ),
    "reduce open": pickled(name("builtins", "open") + b"(" + text("CANARY") + text("w") + b"tR"),
    "reduce subprocess.Popen": pickled(
        name("subprocess", "Popen") + b"((" + text("touch") + text("CANARY") + b"ltR"
    ),
    "reduce subprocess.check_output": pickled(
        name("subprocess", "check_output") + b"(](" + text("touch") + text("CANARY") + b"etR"
    ),
    "reduce runpy": pickled(name("runpy", "run_path") + b"(" + text("CANARY") + b"tR"),
    "reduce __import__": pickled(
        name("builtins", "__import__") + b"(" + text("antigravity") + b"tR"
    ),
    "reduce importlib": pickled(
        name("importlib", "import_module") + b"(" + text("antigravity") + b"tR"
    ),
    "reduce pickle.loads": pickled(
        name("pickle", "loads") + b"(C" + bytes([len(pickled(_RUN))]) + pickled(_RUN) + b"tR"
    ),
    "reduce shutil.rmtree": pickled(name("shutil", "rmtree") + b"(" + text("CANARY") + b"tR"),
    "reduce pathlib": pickled(name("pathlib", "Path") + b"(" + text("CANARY") + b"tR"),
    "reduce torch.load": pickled(name("torch", "load") + b"(" + text("CANARY") + b"tR"),
    "reduce torch.hub": pickled(name("torch.hub", "load") + b"(" + text("CANARY") + b"tR"),
    "reduce numpy's loader": pickled(name("numpy", "load") + b"(" + text("CANARY") + b"tR"),
    "reduce a dotted name": pickled(
        b"\x80\x04" + text("collections") + text("OrderedDict.fromkeys") + b"\x93)R"
    ),
    "reduce through an allowed module": pickled(
        name("torch._utils", "_import_dotted_name") + b"(" + text("os.system") + b"tR"
    ),
    "reduce getattr": pickled(name("builtins", "getattr") + b"(" + SYSTEM + text("x") + b"tR"),
    "stack global os.system": pickled(
        b"\x80\x04" + text("os") + text("system") + b"\x93(" + text(_CALL) + b"tR"
    ),
    "inside a state dict": state(_RUN),
    "as a key": pickled(_ORDERED + b")R(" + _RUN + b"K\x01u"),
    "inside the shape of a tensor": state(tensor(shape=b"(" + _RUN + b"t")),
    "inside the size of a storage": state(tensor(storage(count=_RUN))),
    "as a persistent id": pickled(_RUN + b"Q"),
    "as the kind of a storage": state(tensor(storage(kind=SYSTEM))),
    "thrown away": pickled(_RUN + b"0" + _ORDERED + b")R"),
    "in the attributes": pickled(_ORDERED + b")R" + b"}" + text("_metadata") + _RUN + b"sb"),
    # Code through other opcodes.
    "obj": pickled(b"(" + SYSTEM + text(_CALL) + b"o"),
    "inst": pickled(b"(" + text(_CALL) + b"ios\nsystem\n"),
    "newobj": pickled(SYSTEM + b"(" + text(_CALL) + b"t\x81"),
    "newobj_ex": pickled(b"\x80\x04" + SYSTEM + b"(" + text(_CALL) + b"t}\x92"),
    "ext1": pickled(b"\x82\x01)R"),
    "ext2": pickled(b"\x83\x01\x00)R"),
    "ext4": pickled(b"\x84\x01\x00\x00\x00)R"),
    "build __setstate__": pickled(
        _ORDERED + b")R}" + text("__setstate__") + SYSTEM + b"sb" + text(_CALL) + b"b"
    ),
    "build of a global": pickled(SYSTEM + b"}" + text("x") + text(_CALL) + b"sb"),
    "text persistent id": pickled(b"Pos.system\n"),
    # Tricks of the protocol.
    "protocol 0": b"(S'touch CANARY'\nios\nsystem\n.",
    "protocol 255": b"\x80\xff" + _RUN + b".",
    "protocol changed on the way": b"\x80\x02\x80\x04\x80\x00" + _RUN + b".",
    "frame longer than the file": pickled(b"\x95" + struct.pack("<Q", 2**62) + _RUN),
    "nested pickles": pickled(_ORDERED + b")R") + pickled(_RUN),
    "recall of what was never kept": pickled(b"h\x07)R"),
    "mark without an opening": pickled(b"t"),
    "pop below the mark": pickled(b"K\x01(\x85"),
    "empty stack": pickled(b""),
    "no end": b"\x80\x02" + _ORDERED + b")R",
    # Memory and time.
    "memo at 4 billion": pickled(b"Kar\xff\xff\xff\xffj\xff\xff\xff\xff" + b"\x85" * 3),
    "memo at 4 billion, again and again": pickled(
        b"Ka" + b"".join(b"r" + struct.pack("<I", 2**32 - 1 - i) for i in range(30000))
    ),
    "text of 4 GB": pickled(b"X\xff\xff\xff\xffshort"),
    "text of 16 EB": pickled(b"\x80\x04\x8d" + b"\xff" * 8 + b"short"),
    "bytes of 8 EB": pickled(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fshort"),
    "bytearray of 8 EB": pickled(b"\x80\x05\x96" + b"\xff" * 7 + b"\x7fshort"),
    "text of negative length": pickled(b"T\xff\xff\xff\xffshort"),
    "long of 2 GB": pickled(long4(2**31 - 1) + b"\x01"),
    "long of negative length": pickled(long4(-1)),
    "long of 255 bytes": pickled(b"\x8a\xff" + b"\x7f" * 255),
    "long of many digits": pickled(b"L" + b"9" * 200_000 + b"L\n"),
    "float of many digits": pickled(b"F" + b"9" * 200_000 + b"\n"),
    "lists within lists": pickled(b"](" * 300_000 + b"e" * 300_000),
    "tuples within tuples, as a key": pickled(_ORDERED + b")R)" + b"\x85" * 190_000 + b"Nus"),
    "tuples within tuples": pickled(b")" + b"\x85" * 190_000),
    "marks without end": pickled(b"(" * 900_000),
    "billion laughs": pickled(
        b"]q\x00" + b"".join(b"](" + b"h" + bytes([i]) + (b"h" + bytes([i])) * 99 + b"eq"
                             + bytes([i + 1]) for i in range(200))
    ),
    "tables copied again and again": pickled(
        b"](" + b"".join(b"(" + text(f"k{i}") + b"K\x01t" for i in range(15_000)) + b"eq\x00"
        + (_ORDERED + b"(h\x00tR0").replace(b"0", b"") * 1_000
    ),
    "name without end": pickled(b"c" + b"a" * 500_000),
    "tensor of 2^62 numbers": state(tensor(shape=b"(\x8a\x08" + b"\x00" * 7 + b"\x40t")),
    "tensor beyond its storage": state(tensor(shape=b"(M\xff\xfft")),
    "tensor of negative offset": state(tensor(offset=b"J\xff\xff\xff\xff")),
    "tensor of negative stride": state(tensor(strides=b"(J\xff\xff\xff\xfft")),
    "tensor of negative size": state(tensor(shape=b"(J\xfc\xff\xff\xfft")),
    "tensor of 30 axes": state(
        tensor(shape=b"(" + b"K\x01" * 30 + b"t", strides=b"(" + b"K\x00" * 30 + b"t")
    ),
    "tensor spread by strides": state(tensor(shape=b"(K\x02t", strides=b"(J\xff\xff\xff\x7ft")),
    "tensor repeated by strides": state(
        tensor(shape=b"(" + b"M\xff\xff" * 3 + b"t", strides=b"(" + b"K\x00" * 3 + b"t")
    ),
    "storage of 2^40 numbers": state(tensor(storage(count=b"\x8a\x06" + b"\x00" * 5 + b"\x01"))),
    "storage of negative size": state(tensor(storage(count=b"J\xff\xff\xff\xff"))),
    "storage under a path": state(tensor(storage(key=b"../../../../etc/passwd"))),
    "storage of two sizes": pickled(
        b"}(" + text("a") + tensor() + text("b") + tensor(storage(count=b"K\x05")) + b"u"
    ),
    "shape of truths": state(tensor(shape=b"(\x88t")),
    "shape that is a list": state(tensor(shape=b"](K\x04e")),
}  # fmt: skip
