"""Requests checked against the SDK's own typed parameters.

The SDK sends what it is given unchecked, but it declares every request as a TypedDict. Reading each
request by that declaration, closed, turns a mistyped, unknown or removed parameter into Stripe's 400
(docs.stripe.com/error-codes) instead of a silent success.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from types import UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from stripe import StripeContext, StripeObject
from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict

from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.forms import Raw


class Params(dict[str, Any]):
    """A request's parameters, which remember what nobody asked for.

    So what Stripe takes and the stand-in ignores can be told, instead of being dropped in silence.
    """

    def __init__(self, given: dict[str, object]) -> None:
        super().__init__(given)
        self.ignored = set(given) - {"expand"}

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any parameter
        self.ignored.discard(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.ignored.discard(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - any parameter
        """The parameter, or `default`."""
        self.ignored.discard(key)
        return super().get(key, default)


def read(declared: type[Any], raw: dict[str, Raw]) -> Params:
    """Read `raw` as the TypedDict `declared`: strings become integers, booleans, decimals and lists.

    Raises:
        RefusedError: A parameter is unknown, missing or of another type; `param` names it.
    """
    return Params(_object(declared, raw, ""))


def _value(declared: Any, raw: Raw, name: str) -> object:  # noqa: ANN401, PLR0911 - one arm per declared form
    if declared is Any:
        return raw
    if is_typeddict(declared):
        return _object(declared, raw, name)
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (NotRequired, Required):
        return _value(arguments[0], raw, name)
    if origin in (Union, UnionType):
        return _either(arguments, raw, name)
    if origin is Literal:
        return _choice(arguments, raw, name)
    if origin is list:
        return [_value(arguments[0], item, f"{name}[{at}]") for at, item in enumerate(_array(raw, name))]
    if origin is dict:
        return {key: _entry(arguments[1], item, f"{name}[{key}]") for key, item in _hash(raw, name).items()}
    return _scalar(declared, raw, name)


def _object(declared: Any, raw: Raw, name: str) -> dict[str, object]:  # noqa: ANN401 - any TypedDict class
    fields = _fields(declared)
    found = {}
    for key, value in _hash(raw, name).items():
        inner = f"{name}[{key}]" if name else key
        if key not in fields:
            raise RefusedError(f"Received unknown parameter: {inner}", code="parameter_unknown", param=inner)
        found[key] = _value(fields[key], value, inner)
    for key in sorted(declared.__required_keys__ & fields.keys()):
        if key not in found:
            inner = f"{name}[{key}]" if name else key
            raise RefusedError(f"Missing required param: {inner}.", code="parameter_missing", param=inner)
    return found


@cache
def _fields(declared: Any) -> dict[str, Any]:  # noqa: ANN401 - any TypedDict class
    """A TypedDict's own fields; what it inherits from `RequestOptions` travels in headers."""
    namespace = {**vars(sys.modules[declared.__module__]), "StripeContext": StripeContext, "Mapping": Mapping}
    hints = get_type_hints(declared, globalns=namespace, include_extras=True)
    return {key: hint for key, hint in hints.items() if key not in RequestOptions.__annotations__}


def _either(alternatives: tuple[Any, ...], raw: Raw, name: str) -> object:
    """The first alternative that fits; the complaint of the one that got furthest if none does."""
    closed = any(get_origin(kind) is Literal and get_args(kind) != ("",) for kind in alternatives)
    refusals = []
    for kind in alternatives:
        # The SDK leaves enumerations open with `| str`; Stripe does not.
        if (closed and kind is str) or _is_response(kind):
            continue
        try:
            return _value(kind, raw, name)
        except RefusedError as refusal:
            refusals.append(refusal)
    raise max(reversed(refusals), key=lambda refusal: len(refusal.param or ""))


def _is_response(kind: Any) -> bool:  # noqa: ANN401 - any annotation
    """`UntypedStripeObject` stands beside `Dict` for callers who pass an answer back; sent, they are one."""
    cls = get_origin(kind) or kind
    return isinstance(cls, type) and issubclass(cls, StripeObject)


def _choice(allowed: tuple[object, ...], raw: Raw, name: str) -> object:
    if raw in allowed:
        return raw
    listed = ", ".join(str(choice) for choice in allowed)
    raise RefusedError(
        f"Invalid {name}: must be one of {listed}", code="parameter_invalid_choice", param=name
    )


def _array(raw: Raw, name: str) -> Iterable[Raw]:
    if isinstance(raw, list):
        return raw
    if isinstance(raw, dict) and all(key.isdecimal() for key in raw):
        return [raw[key] for key in sorted(raw, key=int)]
    raise RefusedError("Invalid array", code="parameter_invalid_array", param=name)


def _hash(raw: Raw, name: str) -> dict[str, Raw]:
    if isinstance(raw, dict):
        return raw
    raise RefusedError("Invalid object", code="parameter_invalid_object", param=name)


def _entry(declared: Any, raw: Raw, name: str) -> object:  # noqa: ANN401 - any annotation
    """An empty value unsets a key of a hash (docs.stripe.com/api/metadata); elsewhere it is an error."""
    return raw if raw == "" else _value(declared, raw, name)


def _scalar(declared: Any, raw: Raw, name: str) -> object:  # noqa: ANN401 - one arm per scalar
    if isinstance(raw, dict | list):
        raise RefusedError(f"Invalid string: {name}", code="parameter_invalid_string", param=name)
    if raw == "":
        message = (
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{name}' cannot be unset."
        )
        raise RefusedError(message, code="parameter_invalid_empty", param=name)
    text = str(raw).lower() if isinstance(raw, bool) else str(raw)
    if declared is bool and text in ("true", "false"):
        return text == "true"
    if declared is int and re.fullmatch(r"-?\d+", text):
        return int(text)
    if declared in (float, Decimal):
        try:
            return declared(text)
        except (ValueError, InvalidOperation):
            pass
    if declared is str and isinstance(raw, str):
        return raw
    noun = {bool: "boolean", int: "integer", float: "decimal", Decimal: "decimal"}.get(declared, "string")
    raise RefusedError(f"Invalid {noun}: {text}", code=f"parameter_invalid_{noun}", param=name)
