"""The cases of the Autobahn test suite, loaded from its published sources.

The suite is written for Python 2, which Debian no longer has. Its cases are plain classes over a small interface, so they
are read as they are, with the few differences of the two languages mended while they are loaded; `peer.py` is what they
run on. Strings of Python 2 are bytes: here they are texts whose characters are those bytes.
"""

import binascii
import codecs
import hashlib
import pathlib
import re
import sys
import tarfile
import types

VERSION = "25.10.1"
ARCHIVE = f"autobahntestsuite-{VERSION}.tar.gz"
SHA256 = "b083d6e15330fc16f3e5f0975cce2b15f21bfa0c6db09547316b1852c6dbd6df"

# Nothing here offers or accepts permessage-deflate, which 12 and 13 are about; the suite itself leaves 9.9 out.
LEFT_OUT = re.compile(r"case(12|13|9_9)_.*")


class Protocol:
    """The constants that cases look up."""

    STATE_CLOSED, STATE_CONNECTING, STATE_CLOSING, STATE_OPEN = range(4)
    MESSAGE_TYPE_TEXT, MESSAGE_TYPE_BINARY = 1, 2
    CLOSE_STATUS_CODE_NORMAL = 1000
    CLOSE_STATUS_CODE_PROTOCOL_ERROR = 1002
    CLOSE_STATUS_CODE_INVALID_PAYLOAD = 1007


class Utf8Validator:
    """Tells valid texts from invalid ones, as the suite's own validator does: (valid, at the end of a character)."""

    def reset(self):
        pass

    def validate(self, text):
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(text.encode("latin-1"))
        except UnicodeDecodeError:
            return False, False
        return True, not decoder.getstate()[0]


def in_python_3(source):
    """The source of a case as Python 3 takes it."""
    source = re.sub(r"^(\s*)print\b.*$", r"\1pass", source, flags=re.M)
    source = source.replace("(object, Case, )", "(Case, )").replace("import binascii", "")
    return re.sub(r"len\(self\.payload\) / ", "len(self.payload) // ", source)


def load(archive: pathlib.Path):
    """All cases, as (number, class), in the order of their numbers."""
    content = archive.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{archive} is not the archive that was expected.")
    sources = {}
    with tarfile.open(archive) as files:
        for member in files.getmembers():
            found = re.fullmatch(r"[^/]+/autobahntestsuite/case/(case\w*)\.py", member.name)
            if found and not LEFT_OUT.fullmatch(found.group(1)):
                sources[found.group(1)] = files.extractfile(member).read().decode("latin-1")

    for name, content in (
        ("autobahn", {}), ("autobahn.websocket", {}),
        ("autobahn.websocket.protocol", {"WebSocketProtocol": Protocol}),
        ("autobahn.websocket.utf8validator", {"Utf8Validator": Utf8Validator}),
    ):
        module = types.ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module

    hexadecimal = types.SimpleNamespace(
        b2a_hex=lambda text: binascii.b2a_hex(text.encode("latin-1")).decode(),
        a2b_hex=lambda text: binascii.a2b_hex(text).decode("latin-1"),
        unhexlify=lambda text: binascii.unhexlify(text).decode("latin-1"),
    )

    class Finder:
        """Finds the modules of the cases, which import one another by name."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name not in sources:
                return None
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, Finder)

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            module.__dict__.update(xrange=range, binascii=hexadecimal)
            exec(compile(in_python_3(sources[module.__name__]), module.__name__, "exec"), module.__dict__)

    sys.meta_path.insert(0, Finder)
    base = __import__("case").Case
    # Pickles of equal values differ in Python 3 when one of them names the same object twice.
    base.compare = lambda self, one, other: one == other
    cases = {}
    for name in sources:
        for value in list(vars(__import__(name)).values()):
            for made in value if isinstance(value, list) else [value]:
                if isinstance(made, type) and issubclass(made, base) and made is not base:
                    number = made.__name__.removeprefix("Case").replace("_", ".")
                    cases[number] = made
    return sorted(cases.items(), key=lambda case: [int(part) for part in case[0].split(".")])
