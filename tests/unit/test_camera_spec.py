"""SPEC[=CATEGORY]: what is read from it, and that a password never comes out again."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.line.camera_spec import Kind, parse_camera, unique_names


@pytest.mark.parametrize(
    ("text", "address", "category", "kind", "name"),
    [
        ("0", "0", None, Kind.DEVICE, "camera0"),
        ("12=bottle", "12", "bottle", Kind.DEVICE, "camera12"),
        ("demo:pcb", "demo:pcb", None, Kind.DEMO, "demo-pcb"),
        ("demo:pcb=pcb-2_b", "demo:pcb", "pcb-2_b", Kind.DEMO, "demo-pcb"),
        ("rtsp://h/s", "rtsp://h/s", None, Kind.STREAM, "h-s"),
        ("rtsp://h:554/s=pcb", "rtsp://h:554/s", "pcb", Kind.STREAM, "h-s"),
        ("rtsp://h/s?a=b", "rtsp://h/s?a=b", None, Kind.STREAM, "h-s"),
        ("rtsp://h/s?a=b=pcb", "rtsp://h/s?a=b", "pcb", Kind.STREAM, "h-s"),
        ("rtsp://h/s?a=b&c=d", "rtsp://h/s?a=b&c=d", None, Kind.STREAM, "h-s"),
        ("rtsp://h/s?a=b&c=d=pcb", "rtsp://h/s?a=b&c=d", "pcb", Kind.STREAM, "h-s"),
        (
            "http://10.0.0.7:8080/video.mjpg=pcb",
            "http://10.0.0.7:8080/video.mjpg",
            "pcb",
            Kind.STREAM,
            "10-0-0-7-video-mjpg",
        ),
        ("RTSP://h/s=pcb", "RTSP://h/s", "pcb", Kind.STREAM, "h-s"),
        ("no/such/2024-parts", "no/such/2024-parts", None, Kind.PATH, "2024-parts"),
        ("no/such/clip.mp4=pcb", "no/such/clip.mp4", "pcb", Kind.PATH, "clip-mp4"),
        ("no/such/a=1", "no/such/a=1", None, Kind.PATH, "a-1"),
    ],
)
def test_parse(text: str, address: str, category: str | None, kind: Kind, name: str) -> None:
    spec = parse_camera(text)
    assert (spec.address, spec.category, spec.kind, spec.name) == (address, category, kind, name)


def test_an_existing_path_with_an_equals_sign_is_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "lot=seven"
    folder.mkdir()
    spec = parse_camera(str(folder))
    assert (spec.address, spec.category, spec.name) == (str(folder), None, "lot-seven")
    assert parse_camera(f"{folder}=pcb").category == "pcb"


def test_a_video_is_called_by_its_name_without_ending(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    assert parse_camera(f"{tmp_path}/clip.mp4").name == "clip"


def test_a_folder_of_digits_needs_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "7").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_camera("7").kind is Kind.DEVICE
    assert parse_camera("./7").kind is Kind.PATH


def test_the_current_folder_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts").mkdir()
    monkeypatch.chdir(tmp_path / "parts")
    assert parse_camera(".").name == "parts"


@pytest.mark.parametrize(
    "text",
    ["", "=pcb", "0=9lives", "demo:pcb=", "demo:pcb=a b", "ftp://h/x", "rtsp://", "rtsp://:554/s", "rtsp://h:port/s"],
)
def test_what_is_no_camera_is_refused(text: str) -> None:
    with pytest.raises(EdgeError, match="camera"):
        parse_camera(text)


def test_a_wrong_category_of_an_existing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="category '1st'"):
        parse_camera(f"{tmp_path}=1st")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("rtsp://admin:hunter2@10.0.0.5:554/cam?ch=1", "rtsp://10.0.0.5:554/cam?ch=1"),
        ("http://admin:p@hunter2@h/x", "http://h/x"),
        ("http://h/snap?user=admin&pwd=hunter2&ch=1", "http://h/snap?user=***&pwd=***&ch=1"),
        ("rtsp://h/user=admin&password=hunter2&channel=1&stream=0.sdp", None),
        ("rtsp://h/user=admin_password=hunter2_channel=1_stream=0.sdp", None),
        ("rtsp://h/user=admin&password=hunter2", None),
        ("http://h/x?access_token=hunter2=pcb", "http://h/x?access_token=***"),
    ],
)
def test_known_ways_of_passwords_are_hidden(text: str, redacted: str | None) -> None:
    spec = parse_camera(text)
    assert "hunter2" in spec.address
    for shown in (spec.redacted, repr(spec), str(spec), f"{spec}", spec.name, str(spec.category)):
        assert "hunter2" not in shown
        assert "admin" not in shown
    if redacted:
        assert spec.redacted == redacted


def test_a_password_whose_end_is_unclear_is_refused_without_repeating_it() -> None:
    for text in ("rtsp://u:hun/ter2@h/s", "rtsp://u:1/ter2@h/s", "rtsp://u:hun?ter2@h/s", "rtsp://u:1#ter2@h/s"):
        with pytest.raises(EdgeError, match="%40") as error:
            parse_camera(text)
        assert "ter2" not in str(error.value)


passwords = st.text(min_size=1, max_size=20).map(lambda text: f"Zq7{text}Zq7")


@given(password=passwords, category=st.sampled_from([None, "pcb"]), query=st.sampled_from(["", "?a=b", "?a=b&c"]))
def test_an_encoded_password_never_shows(password: str, category: str | None, query: str) -> None:
    url = f"rtsp://user:{quote(password, safe='')}@cam.example:554/live{query}"
    spec = parse_camera(f"{url}={category}" if category and not query.endswith("c") else url)
    assert spec.address == url
    for shown in (spec.redacted, repr(spec), spec.name, str(spec.category)):
        assert "Zq7" not in shown
        assert quote(password, safe="") not in shown


@given(password=passwords)
def test_a_raw_password_is_refused_or_hidden(password: str) -> None:
    try:
        spec = parse_camera(f"rtsp://user:{password}@cam.example:554/live")
    except EdgeError as error:
        assert "Zq7" not in str(error)
        return
    for shown in (spec.redacted, repr(spec), spec.name, str(spec.category)):
        assert "Zq7" not in shown


@pytest.mark.parametrize("text", ["admin:hunter2@10.0.0.5/live", "admin:hunter2@rtsp://10.0.0.5/live"])
def test_an_address_without_its_scheme_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(EdgeError, match="rtsp") as error:
        parse_camera(text)
    assert "hunter2" not in str(error.value)


@given(text=st.text(max_size=60) | st.text("/=a0~.", max_size=5000))
def test_any_text_is_a_camera_or_an_edge_error(text: str) -> None:
    try:
        spec = parse_camera(text)
    except EdgeError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,47}", spec.name)
    assert spec.category is None or re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", spec.category)


def test_names_become_unique_in_order() -> None:
    specs = [parse_camera(text) for text in ("demo:pcb", "demo:pcb=pcb", "0", "no/demo-pcb-2", "demo:pcb")]
    names = [spec.name for spec in unique_names(specs)]
    assert names == ["demo-pcb", "demo-pcb-2", "camera0", "demo-pcb-2-2", "demo-pcb-3"]


@given(st.lists(st.sampled_from(["0", "1", "demo:pcb", "no/camera0-2", "no/camera0"]), max_size=8))
def test_unique_names_change_nothing_else(texts: list[str]) -> None:
    specs = [parse_camera(text) for text in texts]
    unique = unique_names(specs)
    assert [spec.address for spec in unique] == [spec.address for spec in specs]
    assert len({spec.name for spec in unique}) == len(unique)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://h/s?password=ab/cdSECRET",
        "rtsp://h/s?password=ab?cdSECRET",
        "rtsp://h/s?pw=SECRET",
        "rtsp://h/s?psw=SECRET&channel=1",
        "rtsp://h/s?anything=SECRET",
        "rtsp://h/s?password=abc=SECRET",
        "rtsp://h/admin:SECRET/1",
        "http://h/password=SECRET/video",
    ],
)
def test_a_password_anywhere_in_an_address_is_not_shown(url: str) -> None:
    spec = parse_camera(url)
    assert spec.address == url
    assert "SECRET" not in f"{spec.redacted} {spec!r} {spec.name} {spec.category}"


def test_a_channels_number_is_shown() -> None:
    assert parse_camera("rtsp://h/s?channel=2&password=x").redacted == "rtsp://h/s?channel=2&password=***"
