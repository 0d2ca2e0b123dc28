"""What may be asked of the API, by its own description."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Operation(NamedTuple):
    """What may be asked of an address, and whether it is a back end's to ask."""

    method: str
    path: str
    of_service: bool


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Return every operation that the API describes."""
    return [
        Operation(method.upper(), path, "serviceToken" in operation["security"][0])
        for path, of_path in document["paths"].items()
        for method, operation in of_path.items()
    ]
