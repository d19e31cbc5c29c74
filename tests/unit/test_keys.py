import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import EdgeError
from edge.line.curve import public_of
from edge.line.hellos import Allowance
from edge.line.key_files import LOOK_EVERY_S, AllowedNow, KeyFiles, key_of
from edge.private_folder import private_folder

ADDRESS = "tcp://10.0.0.1:7770"


@pytest.fixture
def files(tmp_path: Path) -> KeyFiles:
    return KeyFiles(tmp_path / "keys")


def test_what_is_made_is_closed_to_others_and_shows_its_public_half_alone(files: KeyFiles) -> None:
    public = files.make("top", replace=False)
    path = files.folder / "captures" / "top"
    secret = key_of(path.read_text())
    assert public_of(secret) == public
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (files.folder, path.parent)} == {0o700}
    assert files.own() == {"top": public.hex()}
    files.trust("ab" * 32)
    keys = files.client_keys(ADDRESS, "top")
    assert keys is not None
    assert keys.secret == secret
    assert secret.hex() not in repr(keys)
    assert str(secret) not in repr(keys)


def test_a_key_is_not_replaced_by_accident(files: KeyFiles) -> None:
    first = files.make("worker", replace=False)
    with pytest.raises(EdgeError, match="--replace"):
        files.make("worker", replace=False)
    assert files.own() == {"worker": first.hex()}
    assert files.make("worker", replace=True) != first


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(files: KeyFiles, mode: int) -> None:
    files.make("worker", replace=False)
    (files.folder / "worker").chmod(mode)
    with pytest.raises(EdgeError, match="chmod 600"):
        files.server_keys(ADDRESS)


def test_a_folder_into_which_others_can_write_is_refused(files: KeyFiles) -> None:
    files.allow("top", "ab" * 32)
    (files.folder / "allowed").chmod(0o777)
    with pytest.raises(EdgeError, match="chmod 700"):
        files.allowed()


def test_one_key_is_one_cameras(files: KeyFiles) -> None:
    files.allow("top", "ab" * 32)
    with pytest.raises(EdgeError, match="camera top's"):
        files.allow("side", "AB" * 32)


def test_a_key_that_was_made_here_for_the_other_end_is_refused(files: KeyFiles) -> None:
    worker, top = (files.make(name, replace=False).hex() for name in ("worker", "top"))
    with pytest.raises(EdgeError, match="the worker's own key"):
        files.allow("top", worker)
    with pytest.raises(EdgeError, match="camera top's own key"):
        files.trust(top)
    assert (files.allowed(), files.trusted()) == ({}, None)


def test_a_cameras_key_is_changed_without_a_gap(files: KeyFiles) -> None:
    assert files.allow("top", "ab" * 32) == 1
    assert files.allow("top", "cd" * 32) == 2
    assert files.revoke("top", "ab" * 32) == 1
    assert files.allowed() == {"top": ["cd" * 32]}
    assert files.revoke("top") == 0
    assert files.allowed() == {}
    with pytest.raises(EdgeError, match="no such key"):
        files.revoke("top")


def test_a_running_worker_follows_and_lets_nobody_in_by_files_that_others_could_change(files: KeyFiles) -> None:
    files.make("worker", replace=False)
    files.allow("top", "ab" * 32)
    keys = files.server_keys(ADDRESS)
    assert keys is not None
    assert keys.allowed.camera_of("ab" * 32) == "top"
    (files.folder / "allowed" / "top").chmod(0o666)
    time.sleep(LOOK_EVERY_S)
    assert keys.allowed.camera_of("ab" * 32) is None


def test_a_camera_whose_file_is_wrong_or_goes_away_keeps_no_other_out(
    files: KeyFiles, caplog: pytest.LogCaptureFixture
) -> None:
    for camera, key in (("side", "ab" * 32), ("top", "cd" * 32)):
        files.allow(camera, key)
    (files.folder / "allowed" / "gone").symlink_to("nowhere")  # as a file that is unlinked after it was found
    (files.folder / "allowed" / "side").chmod(0o640)
    allowed = AllowedNow(files)
    assert allowed.camera_of("cd" * 32) == "top"
    assert allowed.camera_of("ab" * 32) is None
    assert "camera side is not let in: " in caplog.text
    assert files.revoke("top") == 0


@pytest.mark.parametrize("name", ["../up", "a/b", "", "worker", ".x"])
def test_names_that_are_no_cameras_make_no_file(files: KeyFiles, name: str) -> None:
    with pytest.raises(EdgeError, match="camera name"):
        files.allow(name, "ab" * 32)


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 33])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(EdgeError) as error:
        key_of(text)
    assert not text or text not in str(error.value)


def test_the_commands_print_public_keys_only(tmp_path: Path) -> None:
    here = ["--data", str(tmp_path)]
    said = [
        CliRunner().invoke(app, ["keys", *words, *here])
        for words in (["make", "worker"], ["make", "top"], ["allow", "top", "ab" * 32], ["trust", "cd" * 32],
                      ["list"], ["list", "--json"], ["revoke", "top"])
    ]  # fmt: skip
    assert [result.exit_code for result in said] == [0] * 7
    output = "".join(result.output for result in said)
    secrets = [(tmp_path / "keys" / name).read_text().strip() for name in ("worker", "captures/top")]
    assert not any(secret in output for secret in secrets)
    assert KeyFiles(tmp_path / "keys").own()["top"] in said[4].output


def test_an_address_on_a_network_without_a_key_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["worker", "--address", ADDRESS, "--data", str(tmp_path)])
    assert isinstance(result.exception, EdgeError)
    assert "edge keys" in str(result.exception)


def test_a_folder_that_somebody_else_may_write_into_holds_no_sockets(tmp_path: Path) -> None:
    private_folder(tmp_path / "mine")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for name in ("open", "link"):
        with pytest.raises(EdgeError, match="not this user's alone"):
            private_folder(tmp_path / name)


def test_an_allowance_comes_back_with_time_and_is_each_users_own() -> None:
    allowance = Allowance(most=2, refill_s=10)
    assert [allowance.take("a", now_s=0) for _ in range(3)] == [True, True, False]
    assert allowance.take("b", now_s=0)
    assert not allowance.has("a", now_s=9)
    assert allowance.take("a", now_s=10.1)
    assert [allowance.take("a", now_s=1000) for _ in range(3)] == [True, True, False]
