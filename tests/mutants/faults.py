"""Small faults in the product: which there are, and a sample of them. What they are is mutmut's to say.

mutmut's own runner is not used: it leaves out what is decorated, which in the rules is every property, and
runs the tests of a whole function, where a line's are fewer.
"""

import difflib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "shared" / "tollkeeper"
ROOMS = (
    *("rules", "ledger", "stripe/gateway"),
    *("announcements", "coverage", "mirror", "periods", "quota", "subscriptions", "usage", "views"),
)
"""The rooms of the layer that faults are put into: rules, ledger, gateway, and the use cases."""

UNTOUCHED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.TypeAlias)
"""What says how code is to be read, and does nothing when it runs."""


@dataclass(frozen=True)
class Fault:
    """One small fault: where it is, of which kind, and the file as it is with it."""

    file: str
    line: int
    kind: str
    before: str
    after: str
    source: str

    @property
    def module(self) -> str:
        """The module that has it."""
        inner = Path(self.file).relative_to("shared").with_suffix("")
        return ".".join(inner.parts[:-1] if inner.name == "__init__" else inner.parts)

    @property
    def room(self) -> str:
        """The room of the layer that it is in."""
        return next(room for room in ROOMS if self.file.startswith(f"shared/tollkeeper/{room}/"))


@dataclass(frozen=True)
class Spot:
    """A node of a file's code, and what mutmut would have in its place."""

    file: str
    line: int
    kind: str
    node: cst.CSTNode
    instead: cst.CSTNode


def sample(count: int, seed: int, only: str = "") -> list[Fault]:
    """Return faults drawn by a seed, kind by kind in turn; `only` is in the name of their files."""
    kinds: dict[str, list[Spot]] = defaultdict(list)
    for file in files():
        if only in file:
            for spot in spots(file):
                kinds[spot.kind].append(spot)
    drawn = random.Random(seed)  # noqa: S311 - a sample, not a secret
    for those in kinds.values():
        drawn.shuffle(those)
    turns = (those[turn] for turn in range(count) for those in kinds.values() if turn < len(those))
    found = (fault(spot) for spot in turns)
    return [each for each, _ in zip((each for each in found if each), range(count), strict=False)]


def files() -> list[str]:
    """Return the files that faults are put into, seen from the project's folder."""
    return [str(file.relative_to(ROOT)) for room in ROOMS for file in sorted((LAYER / room).rglob("*.py"))]


def spots(file: str) -> Sequence[Spot]:
    """Return every fault that can be put into a file."""
    visitor = _Spots(file)
    _parsed(file).visit(visitor)
    return visitor.found


def fault(spot: Spot) -> Fault | None:
    """Return the fault at a spot; None where the file says the same afterwards."""
    module = _parsed(spot.file).module
    changed = module.deep_replace(spot.node, spot.instead)
    before, after = _differing(module.code, changed.code)
    return Fault(spot.file, spot.line, spot.kind, before, after, changed.code) if before != after else None


def _differing(before: str, after: str) -> tuple[str, str]:
    """Return the lines of each text that the other has not, in one line each."""
    lines = [*difflib.ndiff(before.splitlines(), after.splitlines())]
    gone, come = ([line[2:].strip() for line in lines if line.startswith(sign)] for sign in ("- ", "+ "))
    return " ".join(gone), " ".join(come)


@cache
def _parsed(file: str) -> MetadataWrapper:
    return MetadataWrapper(cst.parse_module((ROOT / file).read_text()))


class _Spots(cst.CSTVisitor):  # type: ignore[misc] # untyped where types are checked
    """Walks through a file's code, and notes what mutmut's operators would change."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, file: str) -> None:
        super().__init__()
        self.found: list[Spot] = []
        self._file = file

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, UNTOUCHED) or _only_logs(node):
            return False
        for kind, instead in _instead_of(node):
            line = self.get_metadata(PositionProvider, node).start.line
            self.found.append(Spot(self._file, line, kind, node, instead))
        return True


def _instead_of(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    operator: Callable[[cst.CSTNode], Iterator[cst.CSTNode]]
    for of, operator in mutation_operators:
        if isinstance(node, of):
            kind = operator.__name__.removeprefix("operator_").replace("_", " ")
            yield from ((kind, instead) for instead in operator(node))


def _only_logs(node: cst.CSTNode) -> bool:
    """Whether it is a call of the logger: people read what it says, and nothing follows from it."""
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Name(value="logger"))):
            return True
        case _:
            return False
