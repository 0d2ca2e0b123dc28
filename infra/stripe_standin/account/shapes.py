"""Stripe's objects, made of the SDK's own classes.

The state of the stand-in is made of `stripe.Customer`, `stripe.Invoice`, … themselves: each answer can
be read by the SDK because it is the SDK's, mypy checks every field by Stripe's own types, and an object
that lacks a required field, or has one Stripe does not know, cannot be made at all. In the state every
optional field is there, if only as `None`; `plain` leaves out what Stripe leaves out.
"""

import secrets
from collections.abc import Collection, Mapping
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Union, cast, get_args, get_origin

from stripe import ListObject, StripeObject
from stripe._stripe_object import UntypedStripeObject
from stripe.v2 import ListObject as ListObjectV2

from infra.stripe_standin.account.presence import trimmed
from infra.stripe_standin.account.presence_facts import INCLUDABLE

FIRST_LINES = 10


class MisshapenError(TypeError):
    """Somebody made an object that the SDK's class does not describe: an error of the stand-in itself."""


def make[T: StripeObject](kind: type[T], /, **fields: Any) -> T:  # noqa: ANN401 - the SDK's classes type them
    """An object of the SDK's class, with `None` in every optional field that is not given.

    Raises:
        MisshapenError: A required field is missing, or a field is unknown.
    """
    shaped: T = kind.construct_from(_complete(kind, fields, getattr(kind, "OBJECT_NAME", None)), None)
    return shaped


def new_id(prefix: str) -> str:
    """An id in Stripe's style: `cus_` and 24 random characters."""
    return f"{prefix}_{secrets.token_hex(12)}"


def reference(field: str | StripeObject) -> str:
    """The id in an expandable field; the stand-in's state holds ids only."""
    if isinstance(field, str):
        return field
    raise MisshapenError(f"expected an id, found {type(field).__name__}")


def metadata(change: object, present: object = None) -> UntypedStripeObject[str]:
    """Merge a metadata parameter: empty values unset keys, an empty whole unsets all.

    See docs.stripe.com/api/metadata.
    """
    kept = present.to_dict() if isinstance(present, StripeObject) else {}
    if change == "":
        kept = {}
    elif isinstance(change, dict):
        kept |= change
    merged = {key: value for key, value in kept.items() if value != ""}
    return cast("UntypedStripeObject[str]", StripeObject.construct_from(merged, None))


def deleted[T: StripeObject](kind: type[T], identifier: str) -> T:
    """What is left of a deleted object (docs.stripe.com/api/customers/delete)."""
    noun = getattr(kind, "OBJECT_NAME", None)
    gone: T = kind.construct_from({"id": identifier, "object": noun, "deleted": True}, None)
    return gone


def listing[T: StripeObject](items: list[T], url: str, *, has_more: bool = False) -> ListObject[T]:
    """A page in Stripe's envelope."""
    page: ListObject[T] = ListObject.construct_from(
        {"object": "list", "url": url, "has_more": has_more}, None
    )
    page.data = items
    return page


def listing_v2[T: StripeObject](items: list[T]) -> ListObjectV2[T]:
    """A page in the envelope of API v2, which ends here."""
    page: ListObjectV2[T] = ListObjectV2.construct_from({"next_page_url": None}, None)
    page.data = items
    return page


def plain(thing: StripeObject, included: Collection[str] = ()) -> dict[str, Any]:
    """An object as Stripe answers with it, without the includable fields but those in `included`.

    An invoice carries its first ten lines; the others are listed by themselves
    (docs.stripe.com/api/invoices/object#invoice_object-lines).
    """
    return shown(trimmed(thing.to_dict(for_json=True)), included)


def shown(whole: dict[str, Any], included: Collection[str] = ()) -> dict[str, Any]:
    """What an answer shows of a whole object: the first lines of an invoice, what is asked to be included."""
    if whole.get("object") == "invoice" and "lines" in whole:
        lines = whole["lines"]
        lines["has_more"] = len(lines["data"]) > FIRST_LINES
        del lines["data"][FIRST_LINES:]
    hidden = INCLUDABLE.get(whole.get("object", ""), ())
    return {name: value for name, value in whole.items() if name not in hidden or name in included}


def _complete(kind: type[StripeObject], fields: Mapping[str, Any], noun: str | None) -> dict[str, Any]:
    declared = _fields(cast("Any", kind))  # mypy takes a class whose instances are unhashable for unhashable
    if unknown := fields.keys() - declared.keys():
        raise MisshapenError(f"{kind.__qualname__} has no {sorted(unknown)}")
    # The SDK cannot read `null` where it expects a map of objects.
    absent = {"deleted", *INCLUDABLE.get(noun or "", ()), *getattr(kind, "_inner_class_dicts", ())}
    whole: dict[str, Any] = {}
    for name, (inner, optional) in declared.items():
        if name in fields:
            whole[name] = _complete_value(inner, fields[name])
        elif name == "object" and noun:
            whole[name] = noun
        elif name == "livemode":
            whole[name] = False
        elif not optional:
            raise MisshapenError(f"{kind.__qualname__} needs {name}")
        elif name not in absent:
            whole[name] = None
    return whole


def _complete_value(inner: type[StripeObject] | None, value: Any) -> Any:  # noqa: ANN401 - any field
    if inner is None or isinstance(value, StripeObject):
        return value
    if isinstance(value, list):
        return [_complete_value(inner, item) for item in value]
    return _complete(inner, value, None) if isinstance(value, dict) else value


@cache
def _fields(kind: Any) -> dict[str, tuple[type[StripeObject] | None, bool]]:  # noqa: ANN401 - see its caller
    """Each field's inner class, where the SDK nests one, and whether the field may be `None`."""
    inherited = {
        name: hint
        for base in reversed(kind.__mro__)
        if base not in StripeObject.__mro__
        for name, hint in vars(base).get("__annotations__", {}).items()
    }
    return {
        name: (_inner(hint), NoneType in get_args(hint))
        for name, hint in inherited.items()
        if get_origin(hint) is not ClassVar and not name.startswith("_")
    }


def _inner(hint: Any) -> type[StripeObject] | None:  # noqa: ANN401 - any annotation
    if isinstance(hint, type) and issubclass(hint, StripeObject):
        return hint if "__annotations__" in vars(hint) else None
    if get_origin(hint) in (Union, list):
        return next((found for argument in get_args(hint) if (found := _inner(argument))), None)
    return None
