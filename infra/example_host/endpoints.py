"""A lighting designer's back end in FastAPI. Nothing in here knows that anything is counted."""

from enum import StrEnum
from itertools import count

from fastapi import APIRouter, FastAPI, HTTPException
from pydantic import BaseModel

_numbers = count(1)


class Facility(StrEnum):
    """The greenhouses that there are."""

    NORTH = "north"
    SOUTH = "south"


class Wish(BaseModel):
    """What every state-changing request says: a name. Without one it is answered 422."""

    name: str


class Done(BaseModel):
    """What was made or changed."""

    number: int
    name: str


router = APIRouter(prefix="/api")


def _done(wish: Wish) -> Done:
    return Done(number=next(_numbers), name=wish.name)


# Made: each kind of thing is a metric of its own.
@router.post("/designs")
def create_design(wish: Wish) -> Done:
    """Begin a design."""
    return _done(wish)


@router.post("/rooms")
def create_room(wish: Wish) -> Done:
    """Add a room."""
    return _done(wish)


@router.post("/fixtures")
def add_fixture(wish: Wish) -> Done:
    """Add a fixture."""
    return _done(wish)


@router.post("/design/export")
@router.post("/projects/export")
@router.post("/reports/export")
def export(wish: Wish) -> Done:
    """Export a design, a project or a report."""
    return _done(wish)


@router.post("/ml/predict")
@router.post("/predictions")
@router.post("/yield-prediction")
def predict(wish: Wish) -> Done:
    """Predict."""
    return _done(wish)


@router.post("/ai-assistant/globalgap")
@router.post("/ai-designer")
def ask_model(wish: Wish) -> Done:
    """Ask a model."""
    return _done(wish)


@router.get("/facilities/dashboard")
@router.get("/analytics/dashboard")
def dashboard(facility: str = Facility.NORTH) -> dict[str, str]:
    """Show a facility."""
    if facility not in list(Facility):
        raise HTTPException(404)
    return {"facility": facility}


# All else that changes something.
@router.post("/projects")
@router.post("/facilities")
@router.post("/calculations")
@router.post("/reports")
def create(wish: Wish) -> Done:
    """Make something that has no metric of its own."""
    return _done(wish)


@router.put("/designs/{number}")
@router.put("/rooms/{number}")
@router.put("/settings")
@router.patch("/projects/{number}")
@router.patch("/fixtures/{number}")
def change(wish: Wish, number: int = 0) -> Done:
    """Change something."""
    return Done(number=number, name=wish.name)


# What only reads.
@router.get("/designs")
def designs() -> list[Done]:
    """List designs."""
    return []


def host() -> FastAPI:
    """Return the application, metered by nobody: the audit reads its routes."""
    app = FastAPI(title="A lighting designer")
    app.include_router(router)
    return app
