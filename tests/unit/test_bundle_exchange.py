"""A bundle goes from machine to machine as it is, and nothing else comes with it."""

import shutil
import stat
import warnings
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.bundles.exchange import export_bundle, import_bundle
from edge.errors import EdgeError
from edge.vision.bundle import load_bundle
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import in_use, promote
from edge.vision.manifest import FORMAT
from tests.tiny_bundle import saved

Entries = dict[str, bytes]
PCB = BundleName("pcb")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The other machine's bundles."""
    saved(tmp_path / "there", threshold=0.1)
    saved(tmp_path / "there", threshold=0.2)
    return tmp_path / "there"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """This machine's bundles, one of which is in use."""
    saved(tmp_path / "here", threshold=0.3)
    return tmp_path / "here"


@pytest.fixture
def file(there: Path, tmp_path: Path) -> Path:
    export_bundle(there, PCB, tmp_path / "pcb.zip")
    return tmp_path / "pcb.zip"


def contents(folder: Path) -> Entries:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_imported_bundle_is_the_next_version_with_the_same_content(here: Path, there: Path, file: Path) -> None:
    assert import_bundle(here, file) == (BundleName("pcb", 2), True)
    assert load_bundle(here, "pcb", 2).sha256 == load_bundle(there, "pcb", 2).sha256
    assert contents(here / "pcb" / "2") == contents(there / "pcb" / "2")
    assert str(in_use(here, "pcb")) == "pcb@1"
    promote(here, "pcb", 2)
    assert load_bundle(here, "pcb").manifest.threshold == 0.2


def test_a_machine_without_any_bundle_can_import_one(tmp_path: Path, file: Path) -> None:
    assert import_bundle(tmp_path / "new" / "bundles", file) == (BundleName("pcb", 1), True)


def test_the_same_content_is_taken_in_once(here: Path, there: Path, file: Path) -> None:
    import_bundle(here, file)
    assert import_bundle(here, file) == (BundleName("pcb", 2), False)
    assert import_bundle(there, file) == (BundleName("pcb", 2), False)
    assert sorted(path.name for path in (here / "pcb").glob("[0-9]*")) == ["1", "2"]


def test_a_damaged_copy_here_does_not_count_as_that_content(here: Path, file: Path) -> None:
    import_bundle(here, file)
    (here / "pcb" / "2" / "bank.safetensors").write_bytes(b"")
    assert import_bundle(here, file) == (BundleName("pcb", 3), True)


def test_a_named_version_is_exported_and_the_same_bytes_each_time(there: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "again.zip"):
        assert str(export_bundle(there, BundleName("pcb", 1), tmp_path / name)) == "pcb@1"
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.zip", "one.zip", "there"]


def test_an_export_overwrites_nothing_and_takes_nothing_damaged(there: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="is there already"):
        export_bundle(there, PCB, file)
    (there / "pcb" / "2" / "references" / "01.png").write_bytes(b"")
    with pytest.raises(EdgeError, match=r"pcb@2 .*01\.png is not as calibration wrote it"):
        export_bundle(there, PCB, tmp_path / "other.zip")
    with pytest.raises(EdgeError, match=r"there is no folder .*nowhere"):
        export_bundle(there, BundleName("pcb", 1), tmp_path / "nowhere" / "pcb.zip")


def refused(here: Path, file: Path, reason: str) -> None:
    """The file is not imported, for this reason, and this machine is as it was."""
    was = contents(here)
    with pytest.raises(EdgeError, match=reason) as error:
        import_bundle(here, file)
    assert str(file) in str(error.value)
    assert contents(here) == was
    assert sorted(path.name for path in here.iterdir()) == ["pcb"]


def changed(entries: Entries, name: str, content: bytes) -> Entries:
    """The entries with one other file, and hashes that agree with it."""
    old, new = sha256(entries[name]).hexdigest(), sha256(content).hexdigest()
    described = entries["bundle.json"].replace(old.encode(), new.encode())
    return signed({**entries, name: content}, described)


def without(entries: Entries, name: str) -> Entries:
    return {each: content for each, content in entries.items() if each != name}


def signed(entries: Entries, described: bytes) -> Entries:
    return {**entries, "bundle.json": described, "bundle.sha256": f"{sha256(described).hexdigest()}  x\n".encode()}


CHANGES: dict[str, tuple[Callable[[Entries], Entries], str]] = {
    "a changed byte": (lambda e: {**e, "bank.safetensors": e["bank.safetensors"][:-1] + b"\xff"}, "sha256 differs"),
    "a changed description": (lambda e: {**e, "bundle.json": e["bundle.json"] + b" "}, "sha256 differs"),
    "a missing file": (lambda e: without(e, "bank.safetensors"), "bank.safetensors is missing"),
    "no description": (lambda e: without(e, "bundle.json"), "bundle.json is missing"),
    "an extra file": (lambda e: {**e, "run.sh": b"rm -rf /"}, "run.sh is not part of the bundle"),
    "a newer format": (
        lambda e: signed(e, e["bundle.json"].replace(b'"format": %d' % FORMAT, b'"format": 99')),
        "has format 99; this release reads up to",
    ),
    "a description that is none": (lambda e: signed(e, b"{}"), "does not hold what it should"),
    "no arrays": (lambda e: changed(e, "bank.safetensors", b"\x80\x04\x95 a pickle"), "holds no arrays"),
    "a category that leads out": (
        lambda e: signed(e, e["bundle.json"].replace(b'"pcb"', b'"../pcb"')),
        "its category is '../pcb'",
    ),
    "a path that leads up": (lambda e: {**e, "../../pcb/current": b"7"}, "no path inside a bundle"),
    "an absolute path": (lambda e: {**e, "/tmp/x": b"7"}, "no path inside a bundle"),
    "a folder": (lambda e: {**e, "references/": b""}, "no path inside a bundle"),
    "a file where a folder is": (lambda e: {"references": b"", **e}, "no path inside a bundle"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_whole_bundle_is_refused_and_leaves_nothing(here: Path, file: Path, change: str) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    make, reason = CHANGES[change]
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in make(entries).items():
            archive.writestr(name, content)
    refused(here, file, reason)


def test_a_link_is_refused(here: Path, file: Path) -> None:
    link = zipfile.ZipInfo("references/03.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(here, file, "is a link")


def test_two_files_of_one_name_are_refused(here: Path, file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr("bank.safetensors", b"another")
    refused(here, file, "of them by different names")


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(here: Path, file: Path) -> None:
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50 << 20))
    refused(here, file, r"bytes unpack to 52\d{6}")


def test_an_encrypted_or_oddly_packed_file_is_refused(here: Path, file: Path) -> None:
    with zipfile.ZipFile(file, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("odd", b"x")
    refused(here, file, "packed in an uncommon way")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"])
def test_what_is_no_zip_file_is_refused(here: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    refused(here, tmp_path / "x.zip", "is no zip file, or a damaged one")
    refused(here, tmp_path / "none.zip", "no such file")


def test_a_repacked_bundle_is_the_same_bundle(here: Path, file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    assert import_bundle(here, file) == (BundleName("pcb", 2), True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_the_same_bundle_or_refused_with_nothing_left(
    there: Path, file: Path, tmp_path: Path, place: float, flip: int, cut: bool
) -> None:
    content = bytearray(file.read_bytes())
    index = int(place * len(content))
    content[index] ^= flip
    damaged, fresh = tmp_path / "damaged.zip", tmp_path / "fresh"
    damaged.write_bytes(content[: index + 1] if cut else content)
    try:
        import_bundle(fresh, damaged)
    except EdgeError:
        assert not fresh.exists() or list(fresh.iterdir()) == []
    else:
        assert contents(fresh / "pcb" / "1") == contents(there / "pcb" / "2")
        shutil.rmtree(fresh)
