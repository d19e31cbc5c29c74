"""The line's cameras, their live pictures, and orders to it, under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response, StreamingResponse

from dashboard.line.board import order_view
from dashboard.line.news import stream
from dashboard.line.views import CameraView, LineView, OrderAsked, OrderView
from dashboard.people.person import Operator
from dashboard.site import SiteOf
from edge.ledger.orders import add_order, newest_orders
from edge.ledger.people import Role, record_event

router = APIRouter(prefix="/api/v1", tags=["line"])

NOT_RUNNING = "The line is not running, so nobody would do it. Start it: edge run --camera ..."


@router.get("/cameras")
def cameras(site: SiteOf) -> list[CameraView]:
    """What each camera of the line does, and its frames of this run."""
    return site.board.look().cameras


@router.get("/line")
def line(site: SiteOf) -> LineView:
    """Cameras, categories that they can be changed over to, and the last orders."""
    return site.board.look()


@router.get("/cameras/{camera}/live", response_class=Response)
def live(site: SiteOf, camera: str) -> Response:
    """The camera's latest frame: a line of JSON (LivePicture), then its JPEG, then its heatmap as PNG.

    All of one frame, with its age. 204 if there is none.
    """
    content = site.pictures.picture(camera)
    if content is None:
        return Response(status_code=204)
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@router.get("/live", response_class=StreamingResponse)
async def news(site: SiteOf) -> StreamingResponse:
    """Server-sent events `live`: camera, run and seq of a camera's new picture, about five a second at most."""
    return site.streams.answer(stream(site))


@router.get("/orders")
def orders(site: SiteOf, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[OrderView]:
    """The last orders, the newest first, with their answers."""
    with site.reader.read() as reading:
        return [order_view(order) for order in newest_orders(reading.session, limit=limit)]


@router.post("/orders", status_code=202)
def ask(site: SiteOf, person: Operator, asked: OrderAsked) -> OrderView:
    """Ask the line to stop, start or change over a camera. The answer comes with GET /api/v1/orders.

    403 for a role that may not, 409 if no line is running, 422 for an order without its reason or category, and for a
    camera that the line does not have.
    """
    if asked.kind != "stop" and not person.role.covers(Role.ENGINEER):
        raise HTTPException(403, f"{asked.kind} needs the role engineer; {person.name} is {person.role}")
    if asked.kind in ("stop", "start") and not asked.reason:
        raise HTTPException(422, f"Say why: {asked.kind} needs a reason.")
    if (asked.kind == "changeover") != (asked.category is not None):
        raise HTTPException(422, "A changeover names a category, and nothing else does.")
    line = site.board.look()
    if not line.running:
        raise HTTPException(409, NOT_RUNNING)
    names = [camera.camera for camera in line.cameras if camera.state != "unknown"]
    if asked.camera not in names:
        raise HTTPException(422, f"The line has no camera {asked.camera!r}. It has {', '.join(names)}.")
    with site.writes.write() as session:
        order = add_order(
            session, asked.kind, asked_by=person.name, camera=asked.camera, category=asked.category,
            reason=asked.reason,
        )  # fmt: skip
        about = asked.camera if asked.category is None else f"{asked.camera} to {asked.category}"
        record_event(session, person, f"ordered {asked.kind}", f"{about}: {asked.reason}" if asked.reason else about)
        placed = order_view(order)
    site.board.forget()
    return placed
