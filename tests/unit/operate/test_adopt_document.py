"""What docs/adopting.md says of adopting is what the command does."""

from decimal import Decimal

from infra.operate.adopt.customers import LicensedItem
from infra.operate.adopt.obstacles import Hurdle
from infra.operate.adopt.planning import Bind, MoveToPlan, NoteOnCustomer, NoteOnSubscription, Synchronise
from infra.operate.adopt.whose import COLUMNS
from tests.unit.docs.documents import table, text

PAGE = "docs/adopting.md"


def test_each_hurdle_is_on_the_page() -> None:
    """In the words of the summary, and in its order."""
    assert [*Hurdle] == [cells[0] for cells in table(PAGE, "Who is refused")]


def test_the_page_names_the_columns_of_the_file() -> None:
    """As they must be spelled."""
    assert {column for column in COLUMNS if f"`{column}`" in text(PAGE)} == {*COLUMNS}


def test_the_page_says_what_is_done() -> None:
    """Each task by the word that the plan has for it."""
    item = LicensedItem("si_1", "prod_1", Decimal(900), 1, "exclusive")
    tasks = (
        Bind(),
        NoteOnCustomer(),
        MoveToPlan("subscription", item, "plan"),
        NoteOnSubscription("subscription", "plan"),
        Synchronise(),
    )
    assert [str(task) for task in tasks] == [cells[0] for cells in table(PAGE, "What it does to a customer")]
