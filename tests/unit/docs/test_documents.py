"""What the documents point to is there."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.unit.docs.documents import (
    DOCUMENTS,
    ROOT,
    anchors,
    commands,
    links,
    name_of,
    section,
    spans,
    table,
    text,
)
from tollkeeper import __version__

MAKEFILE = (ROOT / "Makefile").read_text()
LISTED = set(re.findall(r"^([a-z-]+):.*?## ", MAKEFILE, re.MULTILINE))
"""The targets that `make` lists."""

LEDGER = ROOT / "shared" / "tollkeeper" / "ledger"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_link_leads_somewhere(document: Path) -> None:
    """A link within the project leads to a file or folder, and its anchor to a heading."""
    broken = []
    for link in links(name_of(document)):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(name_of(target))):
            broken.append(link)
    assert [] == broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_path_that_is_named_exists(document: Path) -> None:
    """A path from the project's folder, set as code, is one; `…` and `*` stand for something else."""
    top = ("docs/", "functions/", "infra/", "shared/", "tests/")
    named = [re.split(r"[\s:]", span)[0] for span in spans(name_of(document)) if span.startswith(top)]
    assert [] == [path for path in named if not re.search(r"[…*]", path) and not (ROOT / path).exists()]


def test_each_target_of_make_is_named_in_a_document() -> None:
    """What `make` lists, some document says when to use; `help` is what lists it."""
    told = "\n".join(command for document in DOCUMENTS for command in commands(name_of(document)))
    assert [] == [target for target in sorted(LISTED) if not re.search(rf"make {target}\b", told)]


def test_what_runs_before_a_commit_is_part_of_make() -> None:
    """The hooks run targets of make, so that tools and pins are the same."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    targets = {re.split(r"\s+", hook["entry"])[1] for hook in hooks}
    assert set() == {target for target in targets if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)}
    checks = re.search(r"^CHECKS := (.+)$", MAKEFILE, re.MULTILINE)
    assert checks
    assert set(checks[1].split()) <= targets


def test_the_rules_of_the_design_are_numbered_through() -> None:
    """Code and tests refer to rules by their numbers, so each number is there once and in its place."""
    numbers = re.findall(r"^(\d+)\. \*\*", section("DESIGN.md", "3. Rules"), re.MULTILINE)
    assert [str(number) for number in range(1, 19)] == numbers


def test_what_the_code_refers_to_stands_in_the_design() -> None:
    """Rules and sections that code and tests name exist."""
    sections = set(re.findall(r"^## (\d+)\.", text("DESIGN.md"), re.MULTILINE))
    strangers = []
    for file in [
        *ROOT.glob("shared/tollkeeper/**/*.py"),
        *ROOT.glob("functions/**/*.py"),
        *ROOT.glob("tests/**/*.py"),
    ]:
        for kind, number in re.findall(r"DESIGN (rules?|§) ?(\d+)", file.read_text()):
            known = sections if kind == "§" else {str(rule) for rule in range(1, 19)}
            if number not in known:
                strangers.append(f"{file.relative_to(ROOT)}: {kind} {number}")
    assert [] == strangers


def test_the_tree_of_the_design_is_the_projects() -> None:
    """Each folder in DESIGN §5 exists, unless it is marked †, and each room of the layer is in it."""
    drawn = re.search(r"## 5\. .*?```\n(.*?)```", text("DESIGN.md"), re.DOTALL)
    assert drawn
    path: list[tuple[int, str]] = []
    there: set[str] = set()
    to_come: set[str] = set()
    for line in drawn[1].splitlines():
        found = re.match(r"( *)([a-z_.]+/?)( †)?", line)
        assert found, line
        depth = len(found[1])
        path = [*(each for each in path if each[0] < depth), (depth, found[2])]
        (to_come if found[3] else there).add("".join(name for _, name in path))
    assert [] == [each for each in sorted(there) if not (ROOT / each).exists()]
    assert [] == [each for each in sorted(to_come) if (ROOT / each).exists()]
    rooms = {
        str(each.parent.relative_to(ROOT)) + "/" for each in ROOT.glob("shared/tollkeeper/*/__init__.py")
    }
    assert set() == rooms - there


def test_decisions_are_numbered_dated_and_in_force_or_superseded() -> None:
    """A decision can be linked by its number, and says whether it holds or which later one took its place."""
    found = re.findall(r"^## (\d+)\. .+\n\n(.*)\n", text("DECISIONS.md"), re.MULTILINE)
    assert [str(number) for number in range(1, len(found) + 1)] == [number for number, _ in found]
    assert text("DECISIONS.md").count("\n## ") == len(found)
    for number, status in found:
        line = re.fullmatch(r"20\d\d-\d\d-\d\d · (accepted|superseded by \[?(\d+)\b.*)", status)
        assert line, f"{number}: {status}"
        assert line[2] is None or int(number) < int(line[2]) <= len(found)


def test_each_room_of_the_layer_is_on_the_page_of_the_architecture() -> None:
    """Whoever looks for a room finds it in docs/architecture.md, and no other."""
    listed = {cells[0] for cells in table("docs/architecture.md", "Rooms")}
    listed = {each.partition("]")[0].strip("[/") for each in listed if "tollkeeper/" in each}
    rooms = {f"tollkeeper/{each.parent.name}" for each in ROOT.glob("shared/tollkeeper/*/__init__.py")}
    assert rooms == listed


def test_the_tables_keys_are_as_the_ledger_spells_them() -> None:
    """docs/architecture.md lists every item of the table, with the keys that ledger/keys.py gives it."""
    spelled = re.findall(
        r"^\| (\w+) +\| (\S+) +\| (\S+) +\|$", (LEDGER / "keys.py").read_text(), re.MULTILINE
    )
    listed = [
        tuple(cell.strip("`") for cell in cells)
        for cells in table("docs/architecture.md", "The table's keys")
    ]
    assert [each for each in spelled if each[0] != "item"] == listed


def test_each_book_of_the_ledger_is_in_its_readme() -> None:
    """The ledger's README says of each module what it owns."""
    listed = {cells[0].strip("`") for cells in table("shared/tollkeeper/ledger/README.md", "The ledger")}
    assert {each.name for each in LEDGER.glob("*.py") if each.name != "__init__.py"} == listed


def test_the_levels_of_tests_are_the_folders() -> None:
    """tests/README.md says of each folder what its tests need, except of what they share."""
    listed = {cells[0].partition("]")[0].strip("[") for cells in table("tests/README.md", "Tests")}
    folders = {
        each.name for each in (ROOT / "tests").iterdir() if each.is_dir() and not each.name.startswith("_")
    }
    assert folders - {"fakes"} == {each for each in listed if not each.startswith("soak")}


def test_the_changelog_says_what_is_in_this_version() -> None:
    """Its newest release is the version that package and API tell, with a day."""
    newest = re.search(r"^## (\d\S*) - (20\d\d-\d\d-\d\d)$", text("CHANGELOG.md"), re.MULTILINE)
    assert newest
    described = json.loads((ROOT / "shared" / "tollkeeper" / "api" / "openapi.json").read_text())
    assert (__version__, __version__) == (newest[1], described["info"]["version"])


def test_each_page_is_in_the_index() -> None:
    """docs/README.md leads to every page, once."""
    listed = [link for link in links("docs/README.md") if not link.startswith("..")]
    assert sorted(each.name for each in (ROOT / "docs").glob("*.md") if each.name != "README.md") == sorted(
        listed
    )
