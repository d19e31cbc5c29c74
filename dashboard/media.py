"""Pictures and heatmaps by frame id. An address holds no path: the id is looked up, the stored path is checked."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, Response

from dashboard import files, queries, thumbnails
from dashboard.headers import FOR_EVER
from dashboard.overlay import HeatScale, heatmap, png, scale_strip
from dashboard.site import Site, SiteOf
from edge.errors import EdgeError
from edge.ledger.media import read_map
from edge.ledger.record import Inspection

router = APIRouter(include_in_schema=False)
MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
A_DAY = "private, max-age=86400"
"""Heatmaps and thumbnails may look better in the next version; the pictures never change."""


@router.get("/frames/{frame_id:int}/picture")
def picture(site: SiteOf, frame_id: int, v: int | None = None) -> FileResponse:
    """The frame's JPEG; kept by the browser for ever where `v` is the frame's capture time."""
    row = _row(site, frame_id)
    path = files.inside(site.settings.media, row.picture_path)
    if path is None:
        raise HTTPException(404, f"frame {frame_id} has no picture")
    return FileResponse(path, media_type="image/jpeg", headers=_cached(row, v, FOR_EVER))


@router.get("/frames/{frame_id:int}/thumbnail.jpg")
def thumbnail(site: SiteOf, frame_id: int, v: int | None = None) -> Response:
    """The frame's picture, small; see `thumbnails`."""
    row = _row(site, frame_id)
    path = files.inside(site.settings.media, row.picture_path)
    if path is None:
        raise HTTPException(404, f"frame {frame_id} has no picture")
    return _kept(site, row, v, ".jpg", lambda: thumbnails.small_picture(path))


@router.get("/frames/{frame_id:int}/heatmap.png")
def heatmap_png(site: SiteOf, frame_id: int, v: int | None = None) -> Response:
    """The frame's map on its bundle's fixed scale: RGBA PNG with the picture's aspect."""
    row = _row(site, frame_id)
    path, scale, top, width, height = _mapped(site, row)
    try:
        drawn = heatmap(read_map(path, top=top), scale, width=width, height=height)
    except EdgeError as error:
        raise HTTPException(404, str(error)) from error
    return Response(png(drawn), media_type="image/png", headers=_cached(row, v, A_DAY))


@router.get("/frames/{frame_id:int}/heatmap-thumbnail.png")
def heatmap_thumbnail(site: SiteOf, frame_id: int, v: int | None = None) -> Response:
    """The same heatmap for the thumbnail."""
    row = _row(site, frame_id)
    path, scale, top, width, height = _mapped(site, row)
    return _kept(
        site, row, v, ".png",
        lambda: thumbnails.small_heatmap(path, top=top, scale=scale, width=width, height=height),
    )  # fmt: skip


@router.get("/heatmap-scale.png")
def legend_png() -> Response:
    """The heatmap's colours from the scale's low end to its high end."""
    return Response(_legend(), media_type="image/png", headers={"Cache-Control": A_DAY})


def scale_of(row: Inspection) -> HeatScale | None:
    """The fixed scale of a row; None if its bundle gave none."""
    if row.scale_low is None or row.scale_high is None or row.scale_low >= row.scale_high:
        return None
    return HeatScale(row.scale_low, row.scale_high, row.scale_mark)


def _row(site: Site, frame_id: int) -> Inspection:
    with site.reader.read() as reading:
        row = queries.find(reading.session, frame_id)
        if row is None:
            raise HTTPException(404, f"no frame {frame_id} in the record")
        return row


def _mapped(site: Site, row: Inspection) -> tuple[Path, HeatScale, float, int, int]:
    """What a heatmap is drawn from: file, scale, top, and the picture's width and height. 404 without any of them."""
    path, scale = files.inside(site.settings.media, row.map_path), scale_of(row)
    if path is None or scale is None or row.map_top is None or row.width is None or row.height is None:
        raise HTTPException(404, f"frame {row.id} has no heatmap")
    return path, scale, row.map_top, row.width, row.height


def _kept(site: Site, row: Inspection, v: int | None, ending: str, make: Callable[[], bytes]) -> Response:
    try:
        small = thumbnails.kept(
            site.settings.thumbnails, frame_id=row.id, captured_ns=row.captured_ns, ending=ending, make=make
        )
    except EdgeError as error:
        raise HTTPException(404, str(error)) from error
    headers = _cached(row, v, A_DAY)
    if isinstance(small, bytes):
        return Response(small, media_type=MEDIA_TYPES[ending], headers=headers)
    return FileResponse(small, headers=headers)


def _cached(row: Inspection, v: int | None, how_long: str) -> dict[str, str]:
    return {"Cache-Control": how_long if v == row.captured_ns else "no-cache"}


@cache
def _legend() -> bytes:
    return png(scale_strip())
