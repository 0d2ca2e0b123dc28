"""Answers without what Stripe leaves out of them, by the facts of `presence_facts`."""

from typing import Any

from infra.stripe_standin.account.presence_facts import LEFT_OUT


def trimmed(part: Any, path: str = "") -> Any:  # noqa: ANN401 - any part of an answer
    """A part of an answer without what Stripe would leave out.

    Args:
        part: An object, a list of them or a plain value, as JSON has it.
        path: Where it stands; that of an object with a name of its own is its name.
    """
    if isinstance(part, list):
        return [trimmed(item, path) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(noun := part.get("object"), str):  # in an event's data it is the snapshot
        path = noun
    left_out = LEFT_OUT.get(path, ())
    return {
        name: trimmed(value, f"{path}.{name}")
        for name, value in part.items()
        if value is not None or name not in left_out
    }
