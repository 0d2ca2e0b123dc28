"""Stripe's nested form encoding: `items[0][price]=p` (docs.stripe.com/api, "form-encoded request bodies")."""

import re
from collections.abc import Iterable

from infra.stripe_standin.errors import RefusedError

type Raw = str | int | float | bool | list[Raw] | dict[str, Raw] | None

_NAME = re.compile(r"(?P<root>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)")


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Raw]:
    """Nest flat form pairs.

    Arrays stay objects keyed `"0"`, `"1"`, …: only the declared type can tell the two apart.

    Raises:
        RefusedError: A name has unbalanced brackets, or stands for a value and an object at once.
    """
    tree: dict[str, Raw] = {}
    for name, value in pairs:
        parts = _parts(name)
        node = tree
        for part in parts[:-1]:
            if part == "":  # `a[][b]` cannot say which element it means; the SDK always writes the index.
                raise RefusedError(f"Write the index in {name}.", code="parameter_invalid_format", param=name)
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise RefusedError(f"Invalid object: {name}", code="parameter_invalid_format", param=name)
            node = child
        node[parts[-1] or str(len(node))] = value
    return tree


def _parts(name: str) -> list[str]:
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise RefusedError(f"Invalid parameter name: {name}", code="parameter_invalid_format", param=name)
    return [matched["root"], *re.findall(r"\[([^\[\]]*)\]", matched["rest"])]
