"""Areas drawn on the page: kept as orders, refused where they cannot be, made into the next bundle."""

import json
import shutil

import pytest
from fastapi.testclient import TestClient

from calibration.scene.redraw_cli import as_drawn_on_the_page
from edge.errors import EdgeError
from edge.ledger.bundles import BundleRow
from edge.ledger.record import unit_of_work
from edge.vision.bundle import load_bundle
from tests.ledger_rows import Ledger
from tests.tiny_bundle import saved

TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.8]]
LINE = [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]


def judged(ledger: Ledger, *, first_used_ns: int = 1) -> str:
    """A bundle of `pcb` that the line has judged by; its content hash."""
    folder = saved(ledger.settings.bundles)
    bundle = load_bundle(ledger.settings.bundles, "pcb")
    with unit_of_work(ledger.engine) as session:
        session.add(
            BundleRow(
                sha256=bundle.sha256,
                name=str(bundle.name),
                category="pcb",
                encoder="patches",
                folder=f"pcb/{folder.name}",
                first_used_ns=first_used_ns,
            )
        )
    return bundle.sha256


def drawing(bundle: str, **changes: object) -> dict[str, object]:
    return {"bundle": bundle, "area": [TRIANGLE], "ignore": []} | changes


def post(client: TestClient, body: object, category: str = "pcb") -> tuple[int, dict[str, object]]:
    answer = client.post(f"/api/v1/regions/{category}", json=body)
    return answer.status_code, answer.json()


def test_a_drawing_waits_for_the_line_with_the_name_of_who_drew_it(ledger: Ledger, client: TestClient) -> None:
    status, answer = post(client, drawing(judged(ledger)))
    assert status == 201
    drawn = client.get("/api/v1/regions/pcb").json()["drawn"]
    assert drawn == answer["drawn"]
    assert (drawn["area"], drawn["ignore"], drawn["state"]) == ([TRIANGLE], [], "waiting")
    assert drawn["drawn_by"] == "local operator"


@pytest.mark.parametrize(
    "changes",
    [
        {"area": [LINE]},
        {"area": [TRIANGLE[:2]]},
        {"ignore": [[[0.1, 0.1], [1.2, 0.1], [0.5, 0.8]]]},
        {"more": 1},
    ],
    ids=["on one line", "two corners", "beyond the picture", "unknown key"],
)
def test_what_is_no_area_is_refused_and_nothing_is_kept(
    ledger: Ledger, client: TestClient, changes: dict[str, object]
) -> None:
    status, _ = post(client, drawing(judged(ledger), **changes))
    assert status == 422
    assert client.get("/api/v1/regions/pcb").json()["drawn"] is None


def test_a_drawing_over_another_bundle_than_the_line_has_is_refused(ledger: Ledger, client: TestClient) -> None:
    old = judged(ledger)
    shutil.rmtree(ledger.settings.bundles / "pcb")
    saved(ledger.settings.bundles, threshold=0.6)
    with unit_of_work(ledger.engine) as session:
        session.add(
            BundleRow(sha256="c" * 64, name="pcb@2", category="pcb", encoder="x", folder="pcb/2", first_used_ns=2)
        )
    status, answer = post(client, drawing(old))
    assert status == 409
    assert "pcb@2" in str(answer["detail"])


def test_reference_is_sent_and_a_missing_one_is_said(ledger: Ledger, client: TestClient) -> None:
    sha256 = judged(ledger)
    answer = client.get(f"/regions/pcb/reference?v={sha256}")
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    shutil.rmtree(ledger.settings.bundles / "pcb" / "1" / "references")
    assert client.get("/regions/pcb/reference").status_code == 404
    assert "not at hand" in client.get("/regions/pcb").text


def test_the_first_page_says_what_it_is_for_and_what_was_drawn_of_each_category(
    ledger: Ledger, client: TestClient
) -> None:
    post(client, drawing(judged(ledger)))
    with unit_of_work(ledger.engine) as session:
        session.add(
            BundleRow(sha256="c" * 64, name="cake@2", category="cake", encoder="x", folder="cake/2", first_used_ns=2)
        )
    page = client.get("/regions").text
    assert "/static/regions.css" in page
    assert "Draw on a reference what the line is to look at" in page
    for words in ("pcb@1", "Drawn by local operator", "cake@2", "Nothing was drawn yet."):
        assert words in page


@pytest.mark.parametrize("category", ["nothing", "..%2f..%2fetc", "pcb%00"])
def test_unknown_category_is_404(ledger: Ledger, client: TestClient, category: str) -> None:
    judged(ledger)
    assert client.get(f"/regions/{category}").status_code == 404
    assert client.get(f"/regions/{category}/reference").status_code == 404


def test_calibrate_takes_up_the_newest_drawing_and_tells_the_page_what_became_of_it(
    ledger: Ledger, client: TestClient
) -> None:
    sha256 = judged(ledger)
    post(client, drawing(sha256, area=[]))
    post(client, drawing(sha256))

    def refuse(*, area: object, ignore: object) -> None:
        assert json.dumps(getattr(area, "polygons", None)) == json.dumps([TRIANGLE])
        assert ignore is None
        assert client.get("/api/v1/regions/pcb").json()["drawn"]["state"] == "doing"
        raise EdgeError("too little is left")

    with pytest.raises(EdgeError, match="too little"):
        as_drawn_on_the_page(ledger.settings, "pcb", refuse)  # type: ignore[arg-type]
    drawn = client.get("/api/v1/regions/pcb").json()["drawn"]
    assert (drawn["state"], drawn["answer"]) == ("refused", "too little is left")


def test_without_a_drawing_calibrate_says_what_to_do(ledger: Ledger) -> None:
    with pytest.raises(EdgeError, match="Regions"):
        as_drawn_on_the_page(ledger.settings, "pcb", lambda **_: None)  # type: ignore[arg-type, return-value]
