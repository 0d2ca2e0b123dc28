"""A catalogue that cannot be read: the log says what is wrong with it, and nothing is lost meanwhile."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.depends import DependencyResolutionError

from functions.usage_intake.app import handler as intake
from functions.usage_tracker.app import handler as track
from tests.examples import NOW
from tests.fakes.api_gateway import call
from tests.fakes.runtime import FakeContext, made_of
from tests.fakes.sqs import FakeSqs, messages_of
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tollkeeper import runtime
from tollkeeper.catalogue import CatalogueError, load
from tollkeeper.ledger import keys
from tollkeeper.rules.times import iso

RECORD = {"id": "record-1", "userId": "ada", "eventType": "exports", "timestamp": iso(NOW)}
TOLD = (CatalogueError, DependencyResolutionError)
"""What a function lets escape, so that Lambda logs it."""

MESSAGE = messages_of(json.dumps({"records": [RECORD]}))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: track(MESSAGE, FakeContext()),
        lambda: call(intake, "POST", "/usage", {"records": [RECORD]}),
    ],
    ids=["tracker", "intake"],
)
def test_nothing_is_taken_until_it_is_mended(
    ask: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function fails, so the message comes again and the caller is told 500; mended, it counts once."""
    broken = tmp_path / "catalogue.toml"
    broken.write_text("[metrics\n")
    table, sqs = MemoryTable(), FakeSqs()
    with made_of(table, sqs, FakeStripe(), NOW):
        with monkeypatch.context() as poisoned:
            poisoned.setattr(runtime, "catalogue", lambda: load(broken))
            with pytest.raises(
                (CatalogueError, DependencyResolutionError), match=r"catalogue\.toml: .*line 1"
            ):
                ask()
        assert ({}, []) == (table.rows, sqs.bodies)
        track(MESSAGE, FakeContext())
    assert keys.record("ada", "record-1") in table.rows
