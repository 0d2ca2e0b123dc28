"""What every page is made of: one document and its style, no script and no assets."""

from collections.abc import Iterable
from datetime import datetime
from html import escape

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --ground: #f4f5f8; --card: #fff;
  --ink: #1a1c22; --soft: #5a6070; --line: #d5d8e0; --accent: #4b45c6; --on-accent: #fff; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ground: #13141a; --card: #1d1f28; --ink: #eceef4;
  --soft: #a9afbf; --line: #3a3e4c; --accent: #b3aeff; --on-accent: #17153d; --bad: #ff9a92 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink) }
header, main { max-width: 34rem; margin: 0 auto; padding: 0 1rem }
header { padding-top: 1.25rem; color: var(--soft); font-size: .875rem }
main { padding-bottom: 3rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem;
  margin: 1rem 0 }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .75rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 0 0 .75rem }
p { margin: .25rem 0 .75rem; overflow-wrap: anywhere }
a { color: var(--accent) }
a, button, input, summary { outline-offset: 2px }
:focus-visible { outline: 3px solid var(--accent) }
.figure { font-size: 1.75rem; font-weight: 650; line-height: 1.25; margin: 0 }
.soft { color: var(--soft) }
.small { font-size: .875rem }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem;
  font-size: .8125rem; font-weight: 600 }
label, input, button { display: block; width: 100%; font: inherit }
label { font-weight: 600; font-size: .875rem }
input { padding: .7rem; margin: .25rem 0 .5rem; color: inherit; background: var(--card);
  border: 1px solid var(--soft); border-radius: .5rem }
button { padding: .7rem 1rem; margin: .75rem 0 0; font-weight: 600; border: 1px solid var(--accent);
  border-radius: .5rem; background: var(--accent); color: var(--on-accent); cursor: pointer }
button.plain { background: transparent; color: var(--accent) }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .5rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top;
  font-weight: 400; overflow-wrap: anywhere }
tr:first-child > * { border-top: 0 }
td { text-align: right; padding-left: 1rem; white-space: nowrap }
.total > * { font-weight: 650 }
ul { margin: .5rem 0; padding-left: 1.1rem }
details { margin: .75rem 0 }
summary { cursor: pointer; font-size: .875rem; font-weight: 600 }
[role=alert] { border-left: .3rem solid; padding-left: .75rem; color: var(--bad); font-weight: 600 }
"""


def document(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    """A whole page. `body` is HTML, `title` is text."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,">'
    )
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>'
        "<header>A stand-in for Stripe: test cards only, nothing is charged</header>"
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
    )


def not_found(message: str) -> HTMLResponse:
    """The page of something that is not there."""
    return document("Not found", section(f"<p>{escape(message)}</p>"), status=404)


def section(body: str, heading: str = "") -> str:
    """A part of a page, from HTML; `heading` is text."""
    return f"<section>{f'<h2>{escape(heading)}</h2>' if heading else ''}{body}</section>"


def alert(message: str) -> str:
    """What went wrong, if anything."""
    return f'<p role="alert">{escape(message)}</p>' if message else ""


def rows(cells: Iterable[tuple[str, str]], *, last_is_total: bool = False) -> str:
    """A table of two columns of text."""
    texts = list(cells)
    body = "".join(
        f"<tr{' class=total' if last_is_total and number == len(texts) else ''}>"
        f'<th scope="row">{escape(text)}</th><td>{escape(amount)}</td></tr>'
        for number, (text, amount) in enumerate(texts, start=1)
    )
    return f"<table>{body}</table>"


def amount(cents: int, currency: str) -> str:
    """An amount as a page says it, of a currency with cents."""
    sign = "−" if cents < 0 else ""
    figure = f"{abs(cents) / 100:,.2f}"
    return f"{sign}${figure}" if currency == "usd" else f"{sign}{figure} {currency.upper()}"


def day(instant: datetime) -> str:
    """A day as a page says it."""
    return f"{instant:%-d %B %Y}"
