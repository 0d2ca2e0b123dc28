"""Which way the code depends: outward things are known in one place, and the rules know none of them."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "shared" / "tollkeeper"
RULES = sorted((LAYER / "rules").rglob("*.py"))
CATALOGUE = sorted((LAYER / "catalogue").rglob("*.py"))
SHIPPED = sorted([*LAYER.rglob("*.py"), *(ROOT / "functions").rglob("*.py")])

IMPURE = {"os", "random", "secrets", "socket", "subprocess", "time", "urllib", "uuid"}
"""Of the standard library, what gives another answer each time it is asked."""


def name_of(file: Path) -> str:
    """Where a file is, seen from the project's folder."""
    return str(file.relative_to(ROOT))


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, each.name) for each in names)
            case ast.ImportFrom(module=module, level=level):
                yield node.lineno, "." * level + (module or "")


def texts(file: Path) -> Iterator[str]:
    """Every text in a file's code, its docstrings among them."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def attributes(file: Path) -> Iterator[tuple[int, str]]:
    """Every attribute of something that a file's code looks up, or imports by its name, with the line."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.ImportFrom(names=names):
                yield from ((node.lineno, each.name) for each in names)


def belongs_to(module: str, *packages: str) -> bool:
    """Whether a module is one of the packages or inside of one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def files_that(are: Callable[[Path], bool]) -> list[str]:
    """The shipped files of which something is true."""
    return [name_of(file) for file in SHIPPED if are(file)]


@pytest.mark.parametrize("file", [*RULES, *CATALOGUE], ids=name_of)
def test_the_rules_import_nothing_outward(file: Path) -> None:
    """They know the standard library, each other and the catalogue, which knows only itself."""
    neighbours = ("tollkeeper.catalogue", "tollkeeper.rules")[: 2 if file in RULES else 1]
    outward = [
        f"{name_of(file)}:{line} imports {module}"
        for line, module in imports(file)
        if not belongs_to(module, *neighbours)
        and (module.partition(".")[0] not in sys.stdlib_module_names or belongs_to(module, *IMPURE))
    ]
    assert [] == outward


@pytest.mark.parametrize("file", RULES, ids=name_of)
def test_the_rules_do_not_ask_what_time_it_is(file: Path) -> None:
    """Time is an argument: the same arguments give the same answer for ever."""
    asked = [
        f"{name_of(file)}:{line} asks for {attribute}"
        for line, attribute in attributes(file)
        if attribute in {"now", "today", "utcnow"}
    ]
    assert [] == asked


@pytest.mark.parametrize("file", SHIPPED, ids=name_of)
def test_what_is_shipped_needs_nothing_that_is_not(file: Path) -> None:
    """Layer and functions import neither the tools nor the tests, and the layer no function."""
    absent = ("infra", "tests", "functions")
    strangers = [
        f"{name_of(file)}:{line} imports {module}"
        for line, module in imports(file)
        if belongs_to(module, *absent)
    ]
    assert [] == strangers


def test_only_the_gateway_imports_stripe() -> None:
    """Whoever wants something of Stripe asks the gateway for it."""
    gateway = LAYER / "stripe" / "gateway"
    expected = [name_of(file) for file in SHIPPED if file.parent == gateway]
    assert expected == files_that(
        lambda file: any(belongs_to(module, "stripe") for _, module in imports(file))
    )


def test_only_the_settings_read_the_environment() -> None:
    """What a deployment decides is parsed in one place."""
    expected = ["shared/tollkeeper/settings.py"]
    assert expected == files_that(
        lambda file: any(attribute in {"environ", "getenv"} for _, attribute in attributes(file))
    )


def test_only_the_ledgers_keys_spell_prefixes() -> None:
    """No other file makes or reads a key of the table."""
    keys = LAYER / "ledger" / "keys.py"
    prefixes = {found for text in texts(keys) for found in re.findall(r"\b[A-Z]{3,}#", text)}
    assert prefixes >= {"USER#", "PERIOD#", "RECORD#"}
    spelled = files_that(lambda file: any(prefix in text for text in texts(file) for prefix in prefixes))
    assert [name_of(keys)] == spelled


@pytest.mark.parametrize("function", ["quota", "stripe_webhook"])
def test_the_fast_paths_load_no_framework(function: str) -> None:
    """Where a cold start is felt, neither Stripe's SDK nor the validation of models is imported."""
    program = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'shared')]}; import functions.{function}.app; "
        "print(sorted({'pydantic', 'stripe'} & sys.modules.keys()))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter
    assert "[]\n" == loaded.stdout
