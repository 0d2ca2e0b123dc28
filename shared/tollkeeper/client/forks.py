"""Forks: a child begins with nothing of its parent's, who sends what it counted itself."""

import os
from typing import Protocol
from weakref import WeakSet


class Forgetful(Protocol):
    """What starts anew in a forked process."""

    def forget(self) -> None:
        """Let go of locks, threads, connections and counts: they are the parent's."""


_KEPT: WeakSet[Forgetful] = WeakSet()


def forget_in_children(what: Forgetful) -> None:
    """Have something start anew in every process that is forked from this one."""
    _KEPT.add(what)


def _forget_all() -> None:
    for each in list(_KEPT):
        each.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
