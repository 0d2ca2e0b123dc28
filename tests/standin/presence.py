"""Compares the stand-in's answers with what is known of Stripe's: what is there, null and left out."""

import re
from collections.abc import Iterator, Mapping
from inspect import get_annotations
from types import NoneType
from typing import Any, get_args
from urllib.parse import urlsplit

import requests
from stripe import StripeObject
from stripe._object_classes import get_object_class

from infra.stripe_standin.account.presence import INCLUDABLE, LEFT_OUT, WHOLE

# Of these the SDK says that they may be null or absent; Stripe always sends them.
ALWAYS = {"customer": {"balance", "invoice_settings", "metadata"}}
# Fields of single events of API v2, which the SDK declares on a class per event.
OF_SOME_EVENTS = {"v2.core.event": {"data", "related_object"}}
# What is told of a deleted object (docs.stripe.com/api/customers/delete).
GONE = {"id", "object", "deleted"}
IDENTIFIER = re.compile(r"[a-z_]+_[0-9a-f]{24}")


class Recorder:
    """Keeps each answer as it came over the wire, from the session that the SDK asks with."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, Any]] = []
        self.session = requests.Session()
        self.session.hooks["response"].append(self._keep)

    def _keep(self, answer: requests.Response, **_settings: object) -> None:
        if answer.ok:
            path = IDENTIFIER.sub("*", urlsplit(answer.url).path)
            self.answers.append((f"{answer.request.method} {path}", answer.json()))


def misfits(value: Any, path: str = "", kind: type[StripeObject] | None = None) -> Iterator[str]:  # noqa: ANN401 - JSON
    """What an answer has, lacks or leaves null otherwise than Stripe would.

    Args:
        value: A part of an answer.
        path: Where it stands, from the innermost object that has a name: `invoice.parent`.
        kind: The SDK's class of it; a part without one is a map of the caller's own, such as metadata.
    """
    if isinstance(value, list):
        for item in value:
            yield from misfits(item, path, kind)
    if not isinstance(value, dict):
        return
    if isinstance(noun := value.get("object"), str):
        path, kind = noun, class_of(noun)
    if value.get("deleted") is True:
        yield from (f"{path}.{name}: there, of a deleted object" for name in value.keys() - GONE)
    elif kind is not None:
        yield from _misfits_of(value, path, kind)
    else:
        for item in value.values():
            yield from misfits(item)


def _misfits_of(value: Mapping[str, Any], path: str, kind: type[StripeObject]) -> Iterator[str]:
    declared = declared_by(kind)
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
    for name, part in value.items():
        yield from misfits(part, f"{path}.{name}", parts_of(kind).get(name))


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


def differences(answers: list[tuple[str, Any]]) -> dict[str, str]:
    """Each path that differs, with the first call whose answer has it."""
    return {misfit: call for call, answer in reversed(answers) for misfit in misfits(answer)}
