"""Which way the code depends: outward things are known in one place, and the rules know none of them."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.stream import let_through
from tollkeeper.ledger import keys
from tollkeeper.ledger.table import Key

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "shared" / "tollkeeper"
FUNCTIONS = ROOT / "functions"
INFRA = ROOT / "infra"
RULES = sorted((LAYER / "rules").rglob("*.py"))
SHIPPED = sorted([*LAYER.rglob("*.py"), *FUNCTIONS.rglob("*.py")])
PRODUCT = sorted([*SHIPPED, *INFRA.rglob("*.py")])

IMPURE = {"os", "random", "secrets", "socket", "subprocess", "time", "urllib", "uuid"}
"""Of the standard library, what gives another answer each time it is asked."""


MOST_LINES = 300
"""Of a file: one that is longer is asking to be two."""


class Room(NamedTuple):
    """What the modules of a room may import, beside each other and the standard library.

    `ours` are other rooms of the project, each without the rooms inside it that the table names apart, and
    `others` are packages. A pure room also does without what is impure in the standard library.
    """

    ours: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    pure: bool = False


def room(*ours: str, others: Iterable[str] = (), pure: bool = False) -> Room:
    """Return a room of the table below; names in `ours` are those of the layer."""
    return Room(frozenset(f"tollkeeper.{each}" for each in ours), frozenset(others), pure)


BELOW = ("ledger", "stripe", "rules", "catalogue", "clock", "telemetry")
"""What billing's nouns stand on. Of Stripe that is its port: the gateway is handed in."""

NOUNS = ("announcements", "coverage", "mirror", "periods", "quota", "subscriptions", "usage", "views")

COMMANDS = (
    *("catalogue", "clock", "coverage", "ledger", "ledger.dynamo", "periods", "rules", "secrets"),
    *("settings", "stripe", "stripe.gateway", "subscriptions"),
)
COMMANDED = ("apigatewayv2", "cloudwatch", "dynamodb", "dynamodbstreams", "lambda", "sqs", "ssm")
"""What operators' commands stand on: a deployed stack's own code, and the parts of AWS it is made of."""

ROOMS = {
    "tollkeeper": room(),
    # The layers below.
    "tollkeeper.catalogue": room(pure=True),
    "tollkeeper.rules": room("catalogue", pure=True),
    "tollkeeper.ledger": room("ledger.dynamo", "rules"),
    "tollkeeper.ledger.dynamo": room("ledger", "rules", others=["botocore", "mypy_boto3_dynamodb"]),
    "tollkeeper.stripe": room(
        "queues", "rules", "catalogue", "telemetry", others=["botocore", "mypy_boto3_sqs"]
    ),
    "tollkeeper.stripe.gateway": room("stripe", "rules", "catalogue", others=["stripe"]),
    # Billing's nouns, none of which knows another.
    "tollkeeper.announcements": room(
        *BELOW, "queues", others=["botocore", "mypy_boto3_events", "mypy_boto3_sqs"]
    ),
    "tollkeeper.mirror": room(*BELOW),
    "tollkeeper.coverage": room(*BELOW),
    "tollkeeper.periods": room(*BELOW),
    "tollkeeper.quota": room(*BELOW),
    "tollkeeper.subscriptions": room(*BELOW),
    "tollkeeper.usage": room(*BELOW, "queues", others=["mypy_boto3_sqs", "pydantic", "pydantic_core"]),
    "tollkeeper.views": room(*BELOW),
    # What is shown of them, and to whom.
    "tollkeeper.api": room(*NOUNS, *BELOW, others=["aws_lambda_powertools", "pydantic"]),
    "tollkeeper.api.dashboard": room(
        *("api", "pages", "runtime", "ledger", "rules", "subscriptions", "views")
    ),
    "tollkeeper.pages": room("views", "catalogue", "rules", others=["babel", "jinja2", "markupsafe"]),
    "tollkeeper.client": Room(frozenset({"tollkeeper", "tollkeeper.catalogue"})),  # its version is told there
    "tollkeeper.client.sqs": room("client", others=["boto3", "botocore", "mypy_boto3_sqs"]),
    "tollkeeper.client.powertools": room("client", others=["aws_lambda_powertools"]),
    # What belongs to every function.
    "tollkeeper.aws": room(others=["botocore"]),
    "tollkeeper.clock": room("rules"),
    "tollkeeper.settings": room("rules"),
    "tollkeeper.secrets": room("settings", others=["aws_lambda_powertools", "mypy_boto3_ssm"]),
    "tollkeeper.queues": room("telemetry", others=["botocore", "mypy_boto3_sqs"]),
    "tollkeeper.telemetry": room(others=["aws_lambda_powertools"]),
    "tollkeeper.runtime": room(
        *NOUNS,
        *BELOW,
        "api",
        "aws",
        "ledger.dynamo",
        "stripe.gateway",
        "secrets",
        "settings",
        others=["boto3", "mypy_boto3_sqs"],
    ),
    "functions": Room(
        frozenset(
            {"tollkeeper"}
            | {
                f"tollkeeper.{each}"
                for each in ("api", "api.dashboard", "pages", "queues", "runtime", "settings")
            }
            | {f"tollkeeper.{each}" for each in (*NOUNS, *BELOW)}
        ),
        frozenset({"aws_lambda_powertools", "pydantic"}),
    ),
    # What is not shipped. The local stack knows the deployed one from outside, as anybody does.
    "infra": Room(
        frozenset({"tollkeeper", "tollkeeper.api"}),
        frozenset({"aws_lambda_powertools", "boto3", "samtranslator", "yaml"}),
    ),
    "infra.operate": Room(
        frozenset({"infra", "infra.local"} | {f"tollkeeper.{each}" for each in COMMANDS}),
        frozenset({"boto3", "botocore", "click", "httpx", "rich", "stripe"})
        | {f"mypy_boto3_{each}" for each in COMMANDED},
    ),
    "infra.example_host": Room(
        frozenset({"infra.local", "tollkeeper.catalogue", "tollkeeper.client"}),
        frozenset({"fastapi", "httpx", "pydantic", "uvicorn"}),
    ),
    "infra.local": Room(
        frozenset({"infra.stripe_standin"}),
        frozenset(
            {"boto3", "botocore", "cryptography", "httpx", "jwt", "ministack", "mypy_boto3_apigatewayv2"}
            | {
                "mypy_boto3_cloudformation",
                "mypy_boto3_scheduler",
                "jinja2",
                "pydantic",
                "rich",
                "starlette",
                "stripe",
                "uvicorn",
            }
        ),
    ),
    "infra.stripe_standin": Room(
        others=frozenset({"httpx", "pydantic", "starlette", "stripe", "typing_extensions", "uvicorn"})
    ),
}
"""Who may import whom: the house on one page. What is not named here is not allowed."""

NAMESAKES = {
    "announcer": "announcements.announcer",
    "checkout": "subscriptions.checkout",
    "coverage": "coverage",
    "dashboard": "views.dashboard",
    "invoices": "views.invoices",
    "portal": "subscriptions.portal",
    "quota": "quota",
    "reconciler": "periods.reconciler",
    "reader": "views.reader",
    "reporter": "periods.reporter",
    "stripe_events": "subscriptions.stripe_events",
    "stripe_webhook": "stripe.webhook",
    "subscriptions": "subscriptions",
    "sweep": "subscriptions.sweep",
    "usage_intake": "usage.intake",
    "usage_mirror": "mirror.usage_mirror",
    "usage_tracker": "usage.tracker",
}
"""Each function, and the module or room of the layer that does its work."""

FOR_EVERY_FUNCTION = {"__init__", "aws", "clock", "queues", "secrets", "settings", "telemetry"}
"""The only modules beside the rooms of the layer."""


def name_of(file: Path) -> str:
    """Where a file is, seen from the project's folder."""
    return str(file.relative_to(ROOT))


def module_of(file: Path) -> str:
    """The module that a file is."""
    inner = file.relative_to(LAYER.parent if file.is_relative_to(LAYER) else ROOT).with_suffix("")
    return ".".join(inner.parts[:-1] if inner.name == "__init__" else inner.parts)


MODULES = {module_of(file) for file in PRODUCT}


@cache
def tree(file: Path) -> ast.Module:
    """What a file says."""
    return ast.parse(file.read_text())


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, wherever in it, with the line."""
    for node in ast.walk(tree(file)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, each.name) for each in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                inner = [f"{module}.{each.name}" for each in names if f"{module}.{each.name}" in MODULES]
                if len(inner) < len(names):
                    yield node.lineno, module
                yield from ((node.lineno, each) for each in inner)
            case ast.ImportFrom(level=level):
                yield node.lineno, "." * level


def texts(file: Path) -> Iterator[str]:
    """Every text in a file's code, its docstrings among them."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def attributes(file: Path) -> Iterator[tuple[int, str]]:
    """Every attribute of something that a file's code looks up, or imports by its name, with the line."""
    for node in ast.walk(tree(file)):
        match node:
            case ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.ImportFrom(names=names):
                yield from ((node.lineno, each.name) for each in names)


def belongs_to(module: str, *packages: str) -> bool:
    """Whether a module is one of the packages or inside of one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def room_of(module: str) -> str:
    """The innermost room of the table that a module is in; the module itself if it is in none."""
    return max((each for each in ROOMS if belongs_to(module, each)), key=len, default=module)


def may_import(home: str, module: str) -> bool:
    """Whether the table lets the modules of a room import a module."""
    inside, package = room_of(module), module.partition(".")[0]
    if inside == "tollkeeper" and module != "tollkeeper":
        return False  # a room that the table does not know
    if inside in ROOMS:
        return inside == home or inside in ROOMS[home].ours
    if package in sys.stdlib_module_names:
        return not (ROOMS[home].pure and package in IMPURE)
    return package in ROOMS[home].others


def files_that(are: Callable[[Path], bool]) -> list[str]:
    """The shipped files of which something is true."""
    return [name_of(file) for file in SHIPPED if are(file)]


@pytest.mark.parametrize("file", PRODUCT, ids=name_of)
def test_each_room_imports_only_what_it_may(file: Path) -> None:
    """Data goes one way: functions, API, billing's nouns, ledger and Stripe, rules."""
    home = room_of(module_of(file))
    strangers = [
        f"{name_of(file)}:{line} imports {module}"
        for line, module in imports(file)
        if not may_import(home, module)
    ]
    assert [] == strangers


@pytest.mark.parametrize("file", RULES, ids=name_of)
def test_the_rules_do_not_ask_what_time_it_is(file: Path) -> None:
    """Time is an argument: the same arguments give the same answer for ever."""
    asked = [
        f"{name_of(file)}:{line} asks for {attribute}"
        for line, attribute in attributes(file)
        if attribute in {"now", "today", "utcnow"}
    ]
    assert [] == asked


def test_only_the_settings_read_the_environment() -> None:
    """What a deployment decides is parsed in one place."""
    expected = ["shared/tollkeeper/settings.py"]
    assert expected == files_that(
        lambda file: any(attribute in {"environ", "getenv"} for _, attribute in attributes(file))
    )


def test_only_the_ledgers_keys_spell_prefixes() -> None:
    """No other file makes or reads a key of the table."""
    home = LAYER / "ledger" / "keys.py"
    prefixes = prefixes_of_keys()
    assert prefixes >= {"USER#", "PERIOD#", "RECORD#"}
    spelled = files_that(lambda file: any(prefix in text for text in texts(file) for prefix in prefixes))
    assert [name_of(home)] == spelled


def test_only_the_ledger_makes_keys() -> None:
    """Whoever wants something of the table asks one of the ledger's books, in billing's words."""
    outside = [file for file in SHIPPED if not file.is_relative_to(LAYER / "ledger")]
    assert [] == [
        f"{name_of(file)}:{line} imports {module}"
        for file in outside
        for line, module in imports(file)
        if module == "tollkeeper.ledger.keys"
    ]


def test_only_the_pages_make_html() -> None:
    """A function answers in JSON; what a browser is shown is made in one room."""
    html = re.compile(r"<(!doctype|html|body|div|p|a|table|form|input|button|script|style)\b|text/html")
    pages = LAYER / "pages"
    outside = [file for file in SHIPPED if not file.is_relative_to(pages)]
    assert [] == [name_of(file) for file in outside if any(map(html.search, texts(file)))]


def test_http_is_spoken_at_the_edge() -> None:
    """Functions, API and client speak it, and the gateway reads Stripe's: nobody else knows statuses."""
    edge = (FUNCTIONS, LAYER / "api", LAYER / "client", LAYER / "stripe" / "gateway")
    inside = [file for file in SHIPPED if not any(file.is_relative_to(each) for each in edge)]
    assert [] == [
        f"{name_of(file)}:{line} imports {module}"
        for file in inside
        for line, module in imports(file)
        if belongs_to(module, "http")
    ]


def test_each_function_has_a_namesake_in_the_layer() -> None:
    """Whoever looks for what a function does finds a module or a room of its name."""
    functions = {file.parent.name for file in FUNCTIONS.glob("*/app.py")}
    assert functions == NAMESAKES.keys()
    named_otherwise = [
        (function, namesake)
        for function, namesake in NAMESAKES.items()
        if function not in {namesake.rpartition(".")[2], namesake.replace(".", "_")}
    ]
    assert [] == named_otherwise
    assert [] == [each for each in NAMESAKES.values() if f"tollkeeper.{each}" not in MODULES]


def test_a_functions_folder_holds_one_file() -> None:
    """It parses, makes one call and replies; what it calls is in the layer."""
    assert [] == [name_of(file) for file in FUNCTIONS.rglob("*.py") if file.name != "app.py"]


def test_beside_its_rooms_the_layer_holds_what_every_function_needs() -> None:
    """A use case stands in the room of its noun, and each room is in the table."""
    assert sorted(FOR_EVERY_FUNCTION) == sorted(file.stem for file in LAYER.glob("*.py"))
    rooms = {module_of(file) for file in LAYER.glob("*/__init__.py")}
    assert set() == rooms - ROOMS.keys()


def test_no_file_is_too_long() -> None:
    """A file of the product can be read at a sitting."""
    lengths = {name_of(file): len(file.read_text().splitlines()) for file in PRODUCT}
    assert {} == {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_a_class_is_named_once() -> None:
    """One word means one thing: classes of one name are at most a protocol and what keeps it."""
    named = defaultdict(list)
    for file in LAYER.rglob("*.py"):
        for node in tree(file).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                is_protocol = any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
                named[node.name, is_protocol].append(name_of(file))
    assert {} == {name: files for (name, _), files in named.items() if len(files) > 1}


def test_functions_of_one_name_are_called_with_their_modules() -> None:
    """Where two modules have a function of one name, callers say whose: `keys.period` or `rows.period`."""
    named = defaultdict(set)
    for file in LAYER.rglob("*.py"):
        for node in tree(file).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                named[node.name].add(module_of(file))
    bare = [
        f"{name_of(file)}:{node.lineno} imports {each.name} from {node.module}"
        for file in SHIPPED
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom)
        for each in node.names
        if each.asname is None and len(named[each.name]) > 1 and node.module in named[each.name]
    ]
    assert [] == bare


def test_the_streams_filter_lets_through_what_is_announced() -> None:
    """template.yaml hands the announcer the rows that have something to announce, and no others."""
    expected = {}
    for prefix in prefixes_of_keys():
        if keys.is_announcement(Key("USER#ada", prefix)):
            expected[prefix] = {"INSERT"}
        elif keys.is_period(Key("USER#ada", prefix)):
            expected[prefix] = {"INSERT", "MODIFY"}
    assert expected == let_through()


@pytest.mark.parametrize("function", ["quota", "stripe_webhook"])
def test_the_fast_paths_load_no_framework(function: str) -> None:
    """Where a cold start is felt, neither Stripe's SDK nor the validation of models is imported."""
    program = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'shared')]}; import functions.{function}.app; "
        "print(sorted({'pydantic', 'stripe'} & sys.modules.keys()))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter
    assert "[]\n" == loaded.stdout


def prefixes_of_keys() -> set[str]:
    """How the table's keys begin, as the ledger spells them."""
    return {
        found for text in texts(LAYER / "ledger" / "keys.py") for found in re.findall(r"\b[A-Z]{3,}#", text)
    }


AUDITOR = sorted((ROOT / "tests" / "sim" / "auditor").rglob("*.py"))


@pytest.mark.parametrize("file", AUDITOR, ids=name_of)
def test_the_simulations_auditor_shares_no_code(file: Path) -> None:
    """What it says of a line it reckons itself: it imports the standard library and its own folder alone."""
    strangers = [
        f"{name_of(file)}:{line} imports {module}"
        for line, module in imports(file)
        if not belongs_to(module, "tests.sim.auditor")
        and module.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert [] == strangers
