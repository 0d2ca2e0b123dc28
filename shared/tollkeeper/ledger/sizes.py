"""How large DynamoDB takes a row to be, by its published rules: names and values, in bytes.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html. A number's size is
told there as about a byte for two digits and one or two more; here it is never taken to be less.
"""

from collections.abc import Mapping

from tollkeeper.ledger.table import Value

WRITE_UNIT = 1_024
"""Bytes of a row, before or after, that one write unit writes; in a transaction two."""


def size(row: Mapping[str, Value]) -> int:
    """Return the bytes of a row, at most."""
    return sum(len(name.encode()) + _value_size(value) for name, value in row.items())


def _value_size(value: Value) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool):
        return 1
    return (len(str(abs(value))) + 1) // 2 + 2
