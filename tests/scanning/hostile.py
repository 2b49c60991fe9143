"""Files that would run code, or harm otherwise, when they are read; they are made, never read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import pickletools
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

import numpy as np


class Call:
    """Pickles to a call of `module.name(*args)`, without importing it."""

    def __init__(self, module: str, name: str, *args: object) -> None:
        self.module, self.name, self.args = module, name, args


def text(value: str) -> bytes:
    """Return the opcode that pushes a short text."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def named(module: str, name: str) -> bytes:
    """Return the opcodes that import a name."""
    return text(module) + text(name) + b"\x93"


def call(module: str, name: str, *args: str) -> bytes:
    """Return a pickle, protocol 4, that calls a function with texts."""
    pushed = b"".join(text(arg) for arg in args)
    return b"\x80\x04" + named(module, name) + b"(" + pushed + b"tR."


SYSTEM = call("os", "system", "echo canary")
NAMES = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval"),
    ("builtins", "exec"), ("builtins", "compile"), ("builtins", "__import__"),
    ("builtins", "getattr"), ("builtins", "setattr"), ("builtins", "open"), ("builtins", "map"),
    ("builtins", "breakpoint"), ("__builtin__", "eval"), ("importlib", "import_module"),
    ("importlib._bootstrap", "_load"), ("timeit", "timeit"), ("timeit", "main"),
    ("runpy", "run_path"), ("runpy", "_run_code"), ("subprocess", "Popen"),
    ("subprocess", "check_output"), ("pty", "spawn"), ("webbrowser", "open"), ("socket", "socket"),
    ("ctypes", "CDLL"), ("operator", "attrgetter"), ("operator", "methodcaller"),
    ("functools", "partial"), ("functools", "reduce"), ("pickle", "loads"), ("_pickle", "loads"),
    ("dill", "loads"), ("cloudpickle", "loads"), ("joblib", "load"), ("marshal", "loads"),
    ("types", "FunctionType"), ("types", "CodeType"), ("code", "InteractiveInterpreter.runcode"),
    ("pdb", "run"), ("bdb", "Bdb.run"), ("cProfile", "run"), ("profile", "run"),
    ("trace", "Trace.run"), ("doctest", "debug_script"), ("pydoc", "pipepager"),
    ("pydoc", "locate"), ("pkgutil", "resolve_name"), ("ensurepip", "_run_pip"), ("pip", "main"),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand"), ("lib2to3.pgen2.grammar", "Grammar"),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"), ("logging.config", "dictConfig"),
    ("logging", "FileHandler"), ("shutil", "rmtree"), ("tempfile", "mkdtemp"), ("sys", "exit"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"), ("uuid", "_get_command_stdout"),
    ("multiprocessing.util", "spawnv_passfds"), ("_aix_support", "_read_cmd_output"),
    ("_osx_support", "_read_output"), ("_pyrepl.pager", "pipe_pager"), ("imaplib", "IMAP4_stream"),
    ("test.support.script_helper", "assert_python_ok"), ("distutils.spawn", "spawn"),
    ("numpy.testing._private.utils", "runstring"), ("numpy.f2py.crackfortran", "getlincoef"),
    ("numpy.f2py.crackfortran", "_eval_length"), ("numpy", "load"), ("numpy", "fromfile"),
    ("numpy", "__builtins__"), ("numpy", "prod.__self__"), ("numpy.distutils.exec_command", "x"),
    ("pandas.io.parsers.readers", "read_csv"), ("pandas", "read_pickle"), ("pandas", "eval"),
    ("pandas.core.computation.eval", "eval"), ("scipy.stats._distn_infrastructure", "rv_frozen"),
    ("sklearn.utils", "os"), ("sklearn.datasets", "fetch_openml"), ("sklearn.externals", "joblib"),
    ("sklearn.ensemble._forest", "Parallel"), ("sklearn.base", "clone"),
    ("sklearn.pipeline", "check_memory"), ("sklearn.tree", "Tree.__setstate__"),
    ("torch", "load"), ("torch.hub", "load"), ("torch.utils.cpp_extension", "load"),
    ("torch.utils.collect_env", "run"), ("torch._inductor.codecache", "compile_file"),
    ("torch.jit", "load"), ("torch.storage", "_load_from_bytes"), ("torch", "FloatStorage.x"),
    ("torch._dynamo.guards", "GuardBuilder.get"), ("torch.fx.graph_module", "_exec_with_source"),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers"), ("torch.nn", "os"),
    ("tensorflow.io", "read_file"), ("mlflow.projects.backend.local", "_run_entry_point"),
    ("cloudpickle.cloudpickle", "_make_function"), ("dill._dill", "_create_function"),
    ("xgboost.core", "ctypes"), ("lightgbm.basic", "_safe_call"), ("__main__", "Model"),
    ("joblib.numpy_pickle", "NDArrayWrapper"), ("copyreg", "__newobj__"), ("my_model", "Net"),
    ("collections", "namedtuple"), ("_codecs", "decode"), ("codecs", "encode"),
    ("ssl", "get_server_certificate"), ("urllib.request", "urlopen"), ("bzrlib", "x"),
]  # fmt: skip


def pickles() -> Iterator[tuple[str, bytes]]:
    """Yield hostile pickles, each with what is meant by it."""
    for module, name in NAMES:
        yield f"calls {module}.{name}", call(module, name, "echo canary")
        if "\n" not in module + name:
            yield (
                f"names {module}.{name}",
                f"c{module}\n{name}\n.".encode().join([b"\x80\x02", b""]),
            )
    yield "protocol 0", b"cos\nsystem\n(S'echo canary'\ntR."
    yield "without its mark", SYSTEM[2:]
    yield "INST", b"(S'echo canary'\nios\nsystem\n."
    yield "OBJ", b"(cos\nsystem\nS'echo canary'\no."
    yield "extension code", b"\x80\x02\x82\x01)R."
    yield "never stops", SYSTEM[:-1]
    yield "breaks off after the call", SYSTEM[:-1] + b"\xff\xff"
    yield "frame that lies", b"\x80\x04\x95" + struct.pack("<Q", 3) + SYSTEM[2:]
    yield "call after the stop", b"\x80\x04N." + SYSTEM
    yield "call far after the stop", b"\x80\x04N." + b"\0" * 100_000 + SYSTEM
    yield (
        "memo",
        (
            b"\x80\x04"
            + text("os")
            + b"\x94"
            + text("system")
            + b"\x94"
            + text("collections")
            + text("OrderedDict")
            + b"00"
            + b"h\x00h\x01\x93"
            + text("echo canary")
            + b"\x85R."
        ),
    )
    yield "memo under other numbers", (
        b"\x80\x04" + text("os") + b"q\x07" + text("system") + b"q\x03" + b"h\x07h\x03\x93"
        + text("echo canary") + b"\x85R."
    )  # fmt: skip
    yield "strings of Python 2", b"\x80\x04U\x02osU\x06system\x93" + text("x") + b"\x85R."
    yield "escaped names", b"\x80\x04V\\u006fs\nV\\u0073ystem\n\x93" + text("x") + b"\x85R."
    yield (
        "attributes set on a function",
        (b"\x80\x04" + named("numpy", "log") + b"N}" + text("a") + text("os") + b"s\x86b."),
    )
    yield "attributes set on a class", (
        b"\x80\x04" + named("sklearn.svm._classes", "SVC") + b"}" + text("fit")
        + named("numpy", "log") + b"sb."
    )  # fmt: skip
    yield "dunder set on an instance", (
        b"\x80\x04" + named("sklearn.svm._classes", "SVC") + b")\x81}" + text("__class__")
        + named("numpy", "ndarray") + b"sb."
    )  # fmt: skip
    yield (
        "slots set on an instance",
        (b"\x80\x04" + named("sklearn.svm._classes", "SVC") + b")\x81N}" + text("a") + b"Ns\x86b."),
    )
    yield "names with dots", b"\x80\x04" + named("numpy", "prod.a") + b"."
    yield (
        "eval through a listed module",
        (b"\x80\x04" + named("numpy", "__builtins__") + text("eval") + b"\x85R."),
    )
    yield (
        "codec that unpacks",
        (b"\x80\x04" + named("_codecs", "encode") + text("x") + text("zlib_codec") + b"\x86R."),
    )
    yield (
        "factory that runs",
        (b"\x80\x04" + named("collections", "defaultdict") + named("numpy", "log") + b"\x85R."),
    )
    yield "class as a bit generator", (
        b"\x80\x04" + named("numpy.random._pickle", "__bit_generator_ctor")
        + named("sklearn.svm._classes", "SVC") + b"\x85R."
    )  # fmt: skip
    yield "constructor for a generator", (
        b"\x80\x04" + named("numpy.random._pickle", "__generator_ctor") + text("MT19937")
        + named("sklearn.svm._classes", "SVC") + b"\x86R."
    )  # fmt: skip
    yield "object scalar that gives back a class", (
        b"\x80\x04" + named("numpy._core.multiarray", "scalar")
        + named("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
        + named("sklearn.svm._classes", "SVC") + b"\x86R}" + text("fit") + b"Nsb."
    )  # fmt: skip
    yield "dtype that hides objects", (
        b"\x80\x04" + named("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
        + b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb."
    )  # fmt: skip
    yield (
        "memory by a length",
        b"\x80\x04" + named("builtins", "bytearray") + b"J\xff\xff\xff\x7f\x85R.",
    )
    yield "memory by a range", (
        b"\x80\x04" + named("builtins", "set") + named("builtins", "range")
        + b"J\xff\xff\xff\x7f\x85R\x85R."
    )  # fmt: skip
    yield "memory by the memo", b"\x80\x04Nr\xff\xff\xff\x7f."
    yield "memory by a shape", (
        b"\x80\x04" + named("numpy._core.multiarray", "_reconstruct") + named("numpy", "ndarray")
        + b"J\xff\xff\xff\x7f\x85C\x01b\x87R."
    )  # fmt: skip
    yield "persistent id", b"\x80\x04" + text("elsewhere") + b"Q."
    yield "buffer from elsewhere", b"\x80\x05\x97."
    yield "protocol of the future", b"\x80\x05\x80\x09N."
    yield (
        "pickle in a pickle",
        pickle.dumps(SYSTEM)[:2]
        + named("pickle", "loads")
        + b"C"
        + bytes([len(SYSTEM)])
        + SYSTEM
        + b"\x85R.",
    )
    yield "optimised", pickletools.optimize(SYSTEM)


def joblibs() -> Iterator[tuple[str, bytes]]:
    """Yield hostile files of joblib."""
    for name, pack in (
        ("zlib", zlib.compress), ("gzip", gzip.compress), ("bz2", bz2.compress),
        ("xz", lzma.compress), ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    ):  # fmt: skip
        yield f"in {name}", pack(SYSTEM)
        yield f"in {name} twice", pack(pack(SYSTEM))
        yield f"in {name}, cut", pack(SYSTEM + bytes(np.random.default_rng(1).bytes(5_000)))[:-9]
        yield f"in {name}, with a tail", pack(pickle.dumps(1)) + SYSTEM
    yield "in two members of gzip", gzip.compress(pickle.dumps(1)) + gzip.compress(SYSTEM)
    yield "in an old zfile", b"ZF0x19              " + zlib.compress(SYSTEM)
    yield "array that is opcodes", inline(b"", SYSTEM[2:], aligned=False)
    yield "array whose padding is opcodes", inline(b"N", SYSTEM[2:])
    yield "array in the middle of a frame", inline(b"\x01\xff", b"\0" * 8, frame=6)
    yield "objects beside an array", inline(b"", SYSTEM, code="O8")
    outer = text("os") + b"\x94" + text("system") + b"\x9400"
    inner = (
        b"\x80\x04" + text("collections") + b"\x94" + text("OrderedDict") + b"\x94"
        + b"00h\x00h\x01\x93(tR."
    )  # fmt: skip
    yield "objects that another reader sees otherwise", inline(b"", inner, code="O8", before=outer)


def inline(
    padding: bytes,
    data: bytes,
    *,
    code: str = "i1",
    aligned: bool = True,
    frame: int = 0,
    before: bytes = b"",
) -> bytes:
    """Return what joblib writes for an array: a wrapper's pickle, and then its data."""
    kind = named("numpy", "dtype") + text(code) + b"\x89\x88\x87R"
    flags = b"K\x3f" if code == "O8" else b"K\x00"
    kind += b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff" + flags + b"tb"
    state = (
        b"}(" + text("subclass") + named("numpy", "ndarray")
        + text("shape") + b"K" + bytes([len(data)]) + b"\x85"
        + text("order") + text("C") + text("dtype") + kind + text("allow_mmap") + b"\x89"
        + (text("numpy_array_alignment_bytes") + b"K\x10" if aligned else b"") + b"u"
    )  # fmt: skip
    body = before + named("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + state + b"b"
    if frame:
        body = b"\x95" + struct.pack("<Q", len(body) + frame) + body
    return b"\x80\x04" + body + padding + data + b"."


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def torch(data: bytes, **more: bytes) -> bytes:
    """Return what PyTorch writes."""
    return zipped({"m/data.pkl": data, "m/version": b"3\n", "m/data/0": b"\0" * 16, **more})


def archives() -> Iterator[tuple[str, bytes]]:
    """Yield hostile archives."""
    yield "torch zip", torch(SYSTEM)
    yield "torch zip, compressed", zipped({"m/data.pkl": SYSTEM}, zipfile.ZIP_DEFLATED)
    yield "torch zip, second pickle", torch(pickle.dumps({}), **{"m/other.bin": SYSTEM})
    yield (
        "torch zip, under the other root",
        zipped({"a/data.pkl": pickle.dumps(1), "b/data.pkl": SYSTEM}),
    )
    yield (
        "torch zip with code",
        torch(pickle.dumps({}), **{"m/code/__torch__.py": b"op_version_set = 1"}),
    )
    yield "npz", zipped({"a.npy": object_array(SYSTEM)})
    yield "npy", object_array(SYSTEM)
    yield "zip in zip in zip", zipped({"a.zip": zipped({"b.zip": zipped({"c": SYSTEM})})})
    deep = SYSTEM
    for _ in range(12):
        deep = zipped({"a": deep})
    yield "zip in zip, without end", deep
    yield "pickle in tar in gzip", gzip.compress(tarred(("a.pkl", SYSTEM)))
    yield "bad checksum", corrupted(zipped({"data.pkl": SYSTEM}))
    yield "bad checksum in torch", corrupted(torch(SYSTEM))
    yield "bad checksum, harmless", corrupted(zipped({"a.pkl": pickle.dumps([1])}))
    yield "says it is encrypted", encrypted(torch(SYSTEM))
    yield "says it is encrypted, harmless", encrypted(zipped({"a.pkl": pickle.dumps(1)}))
    yield "prepended", SYSTEM + zipped({"a.txt": b"hello"})
    yield "prepended text", b"hello\n" + zipped({"a.txt": b"hello"})
    yield "appended", zipped({"a.txt": b"hello"}) + SYSTEM
    yield "appended zip", zipped({"a.txt": b"hello"}) + zipped({"b.pkl": SYSTEM})
    yield "twice", duplicated()
    yield "another name at its place", renamed()
    yield "up and out", zipped({"../../evil.txt": b"x"})
    yield "up and out, for Windows", zipped({"..\\evil.txt": b"x"})
    yield "absolute", zipped({"/etc/evil.txt": b"x"})
    yield "link", linked()
    yield "bomb", zipped({"zeros.bin": b"\0" * (128 << 20)}, zipfile.ZIP_DEFLATED)
    yield "bomb of gzip", gzip.compress(b"\0" * (128 << 20))
    yield "tar, up and out", tarred(("../evil", b"x"))
    yield "tar with a link", tarred(("a", b""), kind=tarfile.SYMTYPE)
    yield "tar with a hard link", tarred(("a", b""), kind=tarfile.LNKTYPE)
    yield "tar with a device", tarred(("a", b""), kind=tarfile.CHRTYPE)
    yield "tar with a pickle", tarred(("weights.txt", SYSTEM))
    yield "tar, hidden after its end", tarred(("a.txt", b"x")) + tarred(("b", SYSTEM))


def object_array(data: bytes) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def corrupted(data: bytes) -> bytes:
    """Break all checksums in an archive."""
    out = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        at = out.find(signature)
        while at >= 0:
            out[at + offset] ^= 0xFF
            at = out.find(signature, at + 4)
    return bytes(out)


def encrypted(data: bytes) -> bytes:
    """Set the flag for encryption in an archive's directory."""
    out = bytearray(data)
    at = out.find(b"PK\x01\x02")
    while at >= 0:
        out[at + 8] |= 1
        at = out.find(b"PK\x01\x02", at + 4)
    return bytes(out)


def duplicated() -> bytes:
    data = bytearray(zipped({"aa.pkl": pickle.dumps(1), "bb.pkl": SYSTEM}))
    return bytes(data).replace(b"bb.pkl", b"aa.pkl")


def renamed() -> bytes:
    data = zipped({"a.pkl": pickle.dumps(1)})
    return data.replace(b"a.pkl", b"b.pkl", 1)


def linked() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def tarred(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def keras(*layers: dict[str, object]) -> str:
    """Return a configuration of a Keras model."""
    return json.dumps(
        {"module": "keras", "class_name": "Sequential", "config": {"layers": list(layers)}}
    )


LAMBDA = keras({"module": "keras.layers", "class_name": "Lambda", "config": {}})


SKOPS = b'{"__loader__": "x", "__module__": "operator", "__class__": "methodcaller"}'


def others() -> Iterator[tuple[str, str, bytes]]:
    """Yield other hostile files: meaning, name, content."""
    for name, layer in {
        "lambda": {"module": "keras.layers", "class_name": "Lambda", "config": {}},
        "lambda of old": {"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}},
        "lambda value": {"class_name": "__lambda__", "config": {"value": "4wEA"}},
        "function": {"module": "os", "class_name": "function", "config": "system"},
        "function of Keras": {
            "module": "keras.utils", "class_name": "function", "config": "get_file",
        },
        "switch": {
            "module": "keras.config", "class_name": "function",
            "config": "enable_unsafe_deserialization",
        },
        "another module": {"module": "subprocess", "class_name": "Popen", "config": {}},
        "custom": {"module": "my.layers", "class_name": "Mine", "config": {}},
        "registered": {"class_name": "Mine>Layer", "config": {}},
        "torch": {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}},
        "vocabulary": {
            "module": "keras.layers", "class_name": "StringLookup",
            "config": {"vocabulary": "/etc/passwd"},
        },
    }.items():  # fmt: skip
        config = keras(layer).encode()
        yield f"Keras, {name}", "config.json", config
        members = {"config.json": config, "metadata.json": b"{}"}
        yield f"Keras zip, {name}", "model.keras", zipped(members)
        hdf5 = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 9 + b"model_config" + b"\0" * 40
        yield f"HDF5, {name}", "model.h5", hdf5 + config + b"\0" * 99
    escaped = LAMBDA.replace("Lambda", "L\\u0061mbda").encode()
    head = b"\x89HDF\r\n\x1a\n"
    yield "HDF5, escaped", "model.h5", head + b"model_config\0\0" + escaped + b"\0"
    yield "HDF5, unreadable", "model.h5", head + b"model_config\0\0" + b"\x01" * 50
    yield "YAML", "model.yaml", b"a: !!python/object/apply:os.system ['echo canary']\n"
    yield "Python", "model.py", b"import os\n"
    yield "Python by its content", "model", b"import os\nos.system('echo canary')\n"
    yield "shell", "run", b"#!/bin/sh\necho canary\n"
    yield "notebook", "a.ipynb", b'{"cells": [], "nbformat": 4}'
    yield "library", "a.so", b"\x7fELF" + b"\0" * 60
    yield "bytecode", "a.pyc", b"\xa7\x0d\r\n" + b"\0" * 30
    flavors = "flavors:\n  python_function:\n    loader_module: {}\n"
    for loader in ("os", "mlflow.pyfunc.model", "evil", '"mlflow.sklearn\\u002e"'):
        yield f"MLmodel with {loader}", "MLmodel", flavors.format(loader).encode()
    yield (
        "MLmodel with code",
        "MLmodel",
        (flavors.format("mlflow.sklearn") + "    code: code\n").encode(),
    )
    yield (
        "MLmodel in one line",
        "MLmodel",
        b'{"flavors": {"python_function": {"loader_module": "os"}}}',
    )
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    size = struct.pack("<Q", len(header))
    yield "safetensors with more", "m.safetensors", size + header + b"\0" * 4 + SYSTEM
    lying = header.replace(b"[1]", b"[9]")
    yield (
        "safetensors that lies",
        "m.safetensors",
        struct.pack("<Q", len(lying)) + lying + b"\0" * 4,
    )
    twice = header[:-1] + b',"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    yield (
        "safetensors with a key twice",
        "m.safetensors",
        struct.pack("<Q", len(twice)) + twice + b"\0" * 4,
    )
    yield "GGUF that lies", "m.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1 << 50, 1 << 50)
    template = b"{{ ''.__class__.__mro__ }}"
    yield "GGUF with a template", "m.gguf", (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 23) + b"tokenizer.chat_template"
        + struct.pack("<IQ", 8, len(template)) + template
    )  # fmt: skip
    yield "ONNX elsewhere", "m.onnx", onnx(tensor={"location": "../../etc/passwd"})
    yield "ONNX absolute", "m.onnx", onnx(tensor={"location": "/etc/passwd"})
    yield "ONNX with Python", "m.onnx", onnx(operator=("PyOp", "ai.onnx.contrib"))
    yield "ONNX with its own operator", "m.onnx", onnx(operator=("Mine", "my.domain"))
    yield "SavedModel that reads", "saved_model.pb", saved_model("ReadFile")
    yield "SavedModel that writes", "saved_model.pb", saved_model("WriteFile")
    yield "SavedModel with Python", "saved_model.pb", saved_model("PyFunc")
    yield "not known", "model.bin", bytes(range(255, 0, -1)) * 20
    yield (
        "skops",
        "m.skops",
        zipped({"schema.json": SKOPS}),
    )
    for name in ("m.png", "m.txt", "m.safetensors", "README.md"):
        yield f"pickle called {name}", name, SYSTEM


def field(number: int, value: bytes | int) -> bytes:
    """Return a field of a protocol buffer."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + value


def onnx(tensor: dict[str, str] | None = None, operator: tuple[str, str] = ("Add", "")) -> bytes:
    """Return an ONNX model of one operator, and perhaps a tensor in another file."""
    graph = field(1, field(4, operator[0].encode()) + field(7, operator[1].encode()))
    for key, value in (tensor or {}).items():
        entry = field(1, key.encode()) + field(2, value.encode())
        graph += field(5, bytes([13 << 3 | 2, len(entry)]) + entry)
    return field(1, 8) + field(7, graph) + field(8, field(2, 18))


def saved_model(operator: str) -> bytes:
    """Return a SavedModel of one operator."""
    node = field(1, b"node") + field(2, operator.encode())
    return field(1, 1) + field(2, field(2, field(1, node)))


Corpus = Callable[[], Iterator[tuple[str, bytes]]]


def corpus() -> Iterator[tuple[str, str, bytes]]:
    """Yield all hostile files: meaning, name, content."""
    for meaning, data in (*pickles(), *joblibs(), *archives()):
        yield meaning, "model.bin", data
    yield from others()
