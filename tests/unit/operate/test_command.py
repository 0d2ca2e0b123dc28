"""The command line of `tollkeeper`: its options, what it prints, and how it ends."""

import csv
import io
import json
from pathlib import Path

import click
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from rich.console import Console
from stripe import APIConnectionError

from infra.operate import stacks
from infra.operate.__main__ import COMMANDS, main
from infra.operate.answers import Answer, Format, give, progress
from infra.operate.exits import Exit, FailedError, UnfitError, said_of
from infra.operate.stacks import Resource, Stack
from infra.operate.stripe_catalogue.command import apply_command, plan_command
from tests.unit.docs.documents import code, table
from tollkeeper.catalogue import CatalogueError
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.settings import SettingsError
from tollkeeper.stripe.errors import StripeUnavailableError

ACTING = {"apply", "redrive", "sweep", "adopt", "migrate", "erase", "restore"}
"""The commands that change something, if only with `--apply`."""

SINGLE = [each for each in (*COMMANDS, plan_command, apply_command) if not isinstance(each, click.Group)]


def stack(stage: str = "dev") -> Stack:
    """Return a stack of a stage."""
    queue = Resource("AWS::SQS::Queue", "https://sqs.test/1/usage")
    return Stack(
        "shop", "CREATE_COMPLETE", {"Stage": stage}, {"UsageQueue": queue}, "https://api", "https://hook"
    )


def answer(*, is_well: bool = True) -> Answer:
    """Return an answer whose cells try to be something else."""
    return Answer(
        name="users",
        columns=("userId", "used"),
        rows=[("ada, [red]", 1), ("eve\n", None)],
        text=lambda console: console.print("2 users [/] :boom:"),
        sums={"all": 2},
        is_well=is_well,
    )


def test_each_command_is_documented() -> None:
    """docs/operating.md says of each what it does, and names no other."""
    listed = [code(cells[0]) for cells in table("docs/operating.md", "Operating")]
    assert [f"tollkeeper {each.name}" for each in COMMANDS] == listed


def test_each_exit_code_is_documented() -> None:
    """In the order of the codes, and no other."""
    assert [str(int(each)) for each in Exit] == [
        cells[0] for cells in table("docs/operating.md", "Exit codes")
    ]


@pytest.mark.parametrize("command", SINGLE, ids=lambda each: str(each.name))
def test_the_options_of_all_are_everywhere(command: click.Command) -> None:
    """Each answers in three formats and takes a stack; those that change something want to hear of prod."""
    options = {name for each in command.params for name in each.opts}
    assert "--format" in options
    assert ("--stack" in options) == (command.name != "preflight")
    assert ("--prod" in options) == (command.name in ACTING)


@pytest.mark.parametrize("form", ["text", "json", "csv"])
@pytest.mark.parametrize("command", SINGLE, ids=lambda each: str(each.name))
def test_each_format_is_taken_as_it_is_documented(command: click.Command, form: str) -> None:
    """In small letters, whichever version of click reads them."""
    (option,) = [each for each in command.params if each.name == "form"]
    context = click.Context(command)
    assert Format(form) is option.process_value(context, form)
    assert Format.TEXT is option.process_value(context, option.get_default(context))


@pytest.mark.parametrize(
    "said",
    [["nonsense"], ["status", "--format", "xml"], ["redrive", "--queue", "mail"], ["sweep", "--days", "0"]],
)
def test_what_cannot_be_meant_is_refused(said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code 2, and what could be meant."""
    assert Exit.UNFIT == main(said)
    assert "Usage: tollkeeper" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (UnfitError("say whose"), Exit.UNFIT, "say whose"),
        (SettingsError("store a key"), Exit.UNFIT, "store a key"),
        (CatalogueError("no plans"), Exit.UNFIT, "no plans"),
        (NoCredentialsError(), Exit.UNFIT, "choose a profile"),
        (FailedError("out of memory"), Exit.NO_ANSWER, "out of memory"),
        (UnavailableError(), Exit.NO_ANSWER, "Run it again"),
        (StripeUnavailableError("down"), Exit.NO_ANSWER, "Run it again"),
        (APIConnectionError("down"), Exit.NO_ANSWER, "Stripe: "),  # type: ignore[no-untyped-call]
        (ClientError({"Error": {"Code": "AccessDenied"}}, "Query"), Exit.NO_ANSWER, "AWS: "),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_each_failure_has_its_code_and_its_sentence(
    error: Exception,
    expected: Exit,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody is shown a traceback for what may happen."""
    assert expected == said_of(error)[0]

    def fail(_: str) -> Stack:
        raise error

    monkeypatch.setattr(stacks.Stack, "find", fail)
    assert expected == main(["status"])
    assert said in capsys.readouterr().err


def test_whoever_stops_it_is_told_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code that shells give to Ctrl-C."""

    def stop(_: str) -> Stack:
        raise KeyboardInterrupt

    monkeypatch.setattr(stacks.Stack, "find", stop)
    assert Exit.STOPPED == main(["sweep"])
    assert "Run it again" in capsys.readouterr().err


def test_people_read_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a name holds is shown as it is, and without colours where there is no terminal."""
    assert Exit.WELL == give(answer(), Format.TEXT)
    assert "2 users [/] :boom:\n" == capsys.readouterr().out


def test_programs_read_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows by their name, and the sums beside them."""
    give(answer(), Format.JSON)
    rows = [{"userId": "ada, [red]", "used": 1}, {"userId": "eve\n", "used": None}]
    assert {"all": 2, "users": rows} == json.loads(capsys.readouterr().out)


def test_spreadsheets_read_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows under their columns' names, and nothing else."""
    give(answer(), Format.CSV)
    lines = [*csv.reader(io.StringIO(capsys.readouterr().out))]
    assert [["userId", "used"], ["ada, [red]", "1"], ["eve\n", ""]] == lines


@pytest.mark.parametrize("form", Format)
def test_what_waits_for_a_person_is_told_by_the_exit_code(form: Format) -> None:
    """However it is printed."""
    assert Exit.LOOK == give(answer(is_well=False), form)


def test_bars_are_drawn_on_a_terminal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Logs of a job hold nothing of them, and answers never do."""
    with progress() as shown:
        assert [0, 1, 2] == [*shown.track(range(3), description="Working")]
    assert ("", "") == capsys.readouterr()
    assert Console(file=io.StringIO(), force_terminal=True).is_terminal


@pytest.mark.parametrize(("stage", "live"), [("prod", False), ("dev", True), ("prod", True)])
def test_production_is_changed_by_those_who_say_so(stage: str, *, live: bool) -> None:
    """Where the stage is prod or the key is live; elsewhere nobody is asked."""
    stack(stage).require_said(prod=True, live=live)
    stack("dev").require_said(prod=False)
    with pytest.raises(UnfitError, match=r"shop .*add --prod \(PROD=1\)"):
        stack(stage).require_said(prod=False, live=live)


@pytest.mark.parametrize("command", [["redrive"], ["sweep"]])
def test_a_production_stack_is_left_alone_unless_it_is_said(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is asked before."""
    monkeypatch.setattr(stacks.Stack, "find", lambda _: stack("prod"))
    assert Exit.UNFIT == main(command)
    assert "shop is production: add --prod" in capsys.readouterr().err


def test_what_a_stack_lacks_is_a_reason_to_deploy_again() -> None:
    """As where it was deployed by an older version."""
    assert "https://sqs.test/1/usage" == stack().physical_id("UsageQueue")
    with pytest.raises(UnfitError, match="shop has no Coverage: deploy it again"):
        stack().physical_id("Coverage")


def test_the_script_runs_from_anywhere() -> None:
    """It finds the project by its own place, a link to it too."""
    script = Path(__file__).parents[3] / "infra" / "operate" / "tollkeeper"
    assert script.stat().st_mode & 0o111
    assert 'readlink -f "$0"' in script.read_text()
