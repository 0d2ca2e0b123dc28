"""The records behind a number: as pages, and as files that may come in parts."""

from tollkeeper import runtime
from tollkeeper.api.browser_replies import file
from tollkeeper.api.browsers import Visit
from tollkeeper.api.dashboard.shown import Answer, as_page, notation_of
from tollkeeper.api.record_queries import record_question
from tollkeeper.pages import dashboard
from tollkeeper.pages.dashboard import Onward, Told
from tollkeeper.runtime import views
from tollkeeper.views.record_tables import RecordTable, record_table
from tollkeeper.views.records import enough


def records(visit: Visit) -> Answer:
    """Answer GET /dashboard/records."""
    reader = views.reader()
    question = reader.precise(visit.user, record_question(visit.fields))
    found = enough(lambda at: reader.asked_for(visit.user, question, at), visit.cursor)
    onward = Onward(
        visit.here("records.csv", cursor=None),
        visit.here("records", cursor=found.cursor) if found.cursor else None,
        is_first=visit.cursor is None,
    )
    told = Told(runtime.clock().now(), reader.figures(visit.user, question))
    return as_page(dashboard.records(found, question, runtime.catalogue(), onward, notation_of(visit), told))


def records_csv(visit: Visit) -> Answer:
    """Answer GET /dashboard/records.csv."""
    reader = views.reader()
    question = reader.precise(visit.user, record_question(visit.fields))
    found = record_table(lambda at: reader.asked_for(visit.user, question, at), visit.cursor)
    return as_table(visit, found, "records.csv", f"usage-{question.metric or 'all'}")


def as_table(visit: Visit, found: RecordTable, address: str, name: str) -> Answer:
    """Return all of a list as one file; where it is too long, a page from which it is had in parts."""
    if found.cursor and "file" not in visit.fields:
        this = visit.here(address, part=str(visit.part), file="1")
        following = visit.here(address, part=str(visit.part + 1), cursor=found.cursor)
        onward = Onward(this, following, is_first=visit.cursor is None)
        return as_page(dashboard.parts(name, visit.part, found.rows, onward, notation_of(visit)))
    is_whole = found.cursor is None and visit.cursor is None
    saved_as = f"{name}{'' if is_whole else f'-part-{visit.part}'}.csv"
    return file(found.text, "text/csv; charset=utf-8", saved_as)
