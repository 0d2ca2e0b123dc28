"""Compares the stand-in's answers with what is known of Stripe's: what is there, null and left out."""

import re
from ast import Call, Name, parse, unparse, walk
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from inspect import get_annotations
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import requests
from stripe import StripeObject
from stripe._object_classes import get_object_class

from infra import stripe_standin as standin
from infra.stripe_standin.account.presence_facts import INCLUDABLE, LEFT_OUT, WHOLE

type Answers = list[tuple[str, Any]]

# Of these the SDK says that they may be null or absent; Stripe always sends them.
ALWAYS = {
    "account": {"charges_enabled", "details_submitted", "payouts_enabled", "type"},
    "customer": {"balance", "invoice_settings", "metadata"},
}
# Fields of single events of API v2, which the SDK declares on a class per event.
OF_SOME_EVENTS = {"v2.core.event": {"data", "related_object"}}
# What is told of a deleted object (docs.stripe.com/api/customers/delete).
GONE = {"id", "object", "deleted"}
# The fields that say in which state an object is.
STATES = {"billing_reason", "collection_method", "payment_status", "status"}
ROOT = Path(standin.__file__).parents[2]
IDENTIFIER = re.compile(r"[a-z_]+_[0-9a-f]{24}")


class Recorder:
    """Keeps each answer as it came over the wire, from the session that the SDK asks with."""

    def __init__(self) -> None:
        self.answers: Answers = []
        self.session = requests.Session()
        self.session.hooks["response"].append(self._keep)

    def _keep(self, answer: requests.Response, **_settings: object) -> None:
        if answer.ok:
            path = IDENTIFIER.sub("*", urlsplit(answer.url).path)
            self.answers.append((f"{answer.request.method} {path}", answer.json()))


@dataclass(frozen=True, slots=True)
class Part:
    """An object in an answer, or a part of one, that the SDK has a class for.

    Attributes:
        path: Where it stands, from the innermost object that has a name: `invoice.parent`.
        kind: The SDK's class of it.
        fields: What came over the wire.
    """

    path: str
    kind: type[StripeObject]
    fields: Mapping[str, Any]

    @property
    def deleted(self) -> bool:
        """Whether it is what is told of a deleted object."""
        return self.fields.get("deleted") is True


def parts(value: Any, path: str = "", kind: type[StripeObject] | None = None) -> Iterator[Part]:  # noqa: ANN401 - JSON
    """Every object in an answer, and every part of them.

    Args:
        value: A part of an answer.
        path: Where it stands.
        kind: The SDK's class of it; a part without one is a map of the caller's own, such as metadata.
    """
    if isinstance(value, list):
        for item in value:
            yield from parts(item, path, kind)
    if not isinstance(value, dict):
        return
    if isinstance(noun := value.get("object"), str):
        path, kind = noun, class_of(noun)
    if kind is not None:
        yield Part(path, kind, value)
    inner = parts_of(kind) if kind else {}
    for name, part in value.items():
        yield from parts(part, f"{path}.{name}" if kind else "", inner.get(name))


def misfits(part: Part) -> Iterator[str]:
    """What a part of an answer has, lacks or leaves null otherwise than Stripe would."""
    path, value = part.path, part.fields
    if part.deleted:
        yield from (f"{path}.{name}: there, of a deleted object" for name in value.keys() - GONE)
        return
    declared = declared_by(part.kind)
    if path not in LEFT_OUT and path not in WHOLE:
        yield f"{path}: what it leaves out is not known"
    left_out = LEFT_OUT.get(path, frozenset())
    for name, hint in declared.items():
        nullable = NoneType in get_args(hint) and name not in ALWAYS.get(path, ())
        if name not in value:
            if name not in left_out and name not in INCLUDABLE.get(path, ()):
                yield f"{path}.{name}: absent"
        elif value[name] is None and (not nullable or name in left_out):
            yield f"{path}.{name}: null"
    for name in value.keys() - declared.keys() - OF_SOME_EVENTS.get(path, set()) - {"object"}:
        yield f"{path}.{name}: unknown"


def class_of(noun: str) -> type[StripeObject]:
    """The SDK's class of an object by its name."""
    return get_object_class("V2" if noun.startswith("v2.") else "V1", noun)


def parts_of(kind: type[StripeObject]) -> Mapping[str, type[StripeObject]]:
    """The SDK's classes of an object's parts that have no name of their own."""
    parts: Mapping[str, type[StripeObject]] = vars(kind).get("_inner_class_types", {})
    return parts


def declared_by(kind: type[StripeObject]) -> dict[str, Any]:
    """The fields that the SDK's class declares, with their annotations."""
    return {
        name: hint
        for base in kind.__mro__
        if base not in StripeObject.__mro__
        for name, hint in get_annotations(base).items()
        if not name.startswith("_") and name not in ("OBJECT_NAME", "deleted")
    }


def optional_fields(path: str) -> set[str]:
    """The fields of a part of an answer that the SDK calls optional."""
    nouns = [path.rsplit(".", parts)[0] for parts in range(path.count(".") + 1)]
    noun = next(noun for noun in nouns if class_of(noun) is not StripeObject)
    kind = class_of(noun)
    for name in path.removeprefix(noun).split(".")[1:]:
        kind = parts_of(kind)[name]
    return {name for name, hint in declared_by(kind).items() if NoneType in get_args(hint)}


def differences(answers: Answers) -> dict[str, str]:
    """Each path that differs, with the first call whose answer has it."""
    return {
        misfit: call
        for call, answer in reversed(answers)
        for part in parts(answer)
        for misfit in misfits(part)
    }


def made_by_the_standin() -> set[str]:
    """The names of all objects that the stand-in's code makes."""
    found = set()
    for file in Path(standin.__file__).parent.rglob("*.py"):
        calls = [node for node in walk(parse(file.read_text())) if isinstance(node, Call)]
        made = [
            unparse(node.args[0]) for node in calls if isinstance(node.func, Name) and node.func.id == "make"
        ]
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for kind in made:
            noun = getattr(reduce(getattr, kind.split("."), import_module(name)), "OBJECT_NAME", None)
            found |= {noun} if noun else set()
    return found


def states_of(answers: Iterable[tuple[str, Any]]) -> dict[str, set[str]]:
    """What each field that says a state has said: `invoice.status`."""
    found: dict[str, set[str]] = {}
    for _, answer in answers:
        for part in parts(answer):
            for field in STATES & part.fields.keys():
                found.setdefault(f"{part.path}.{field}", set()).add(str(part.fields[field]))
    return found


def declared_states(path: str) -> set[str]:
    """What a field that says a state may say by the SDK, if that lists it."""
    noun, _, field = path.rpartition(".")
    hint = declared_by(class_of(noun)).get(field)
    return {
        str(one) for each in (hint, *get_args(hint)) if get_origin(each) is Literal for one in get_args(each)
    }
