"""The network between cameras and worker goes, stays away longer than any limit, and comes back."""

import time
from pathlib import Path

from tests.cable import need_cable
from tests.fakes import numbered_folder
from tests.lines import recorded, recorded_yet, rows, wait_until
from tests.slowness import slowness
from tests.two_machines import two_machines

CUT_S = 6.0  # longer than TCP waits for an answer (3 s), and the capture for a word (5 s)
LIVE_FRAMES = 300
FOLDER_FRAMES = 600


def test_a_cut_network_and_a_restarted_worker_host_cost_a_folder_nothing_and_a_live_camera_what_is_named(
    tmp_path: Path,
) -> None:
    need_cable()
    patience_s = 60 * slowness()
    live, folder = numbered_folder(tmp_path / "live", LIVE_FRAMES), numbered_folder(tmp_path / "parts", FOLDER_FRAMES)
    with two_machines(tmp_path) as machines:
        machines.start_worker()
        machines.start_capture("live", live, "--fps", "20", "--overload", "drop-oldest")
        machines.start_capture("parts", folder, "--fps", "100")
        wait_until(lambda: recorded_yet(machines.here) > 100, timeout_s=patience_s)

        machines.cable.break_silently()
        before = recorded(machines.here)
        time.sleep(CUT_S)
        assert recorded(machines.here) <= before + 24, "nothing comes through a cut cable"
        machines.cable.mend()
        wait_until(lambda: recorded(machines.here) > before + 50, timeout_s=patience_s)

        machines.cable.unplug()  # the worker's machine loses its power, and comes back
        assert machines.worker is not None
        machines.worker.kill()
        machines.worker.wait()
        machines.start_worker()
        machines.cable.plug()
        wait_until(
            lambda: all(capture.poll() is not None for capture in machines.captures.values()), timeout_s=patience_s
        )
        assert {capture.returncode for capture in machines.captures.values()} == {0}, "each frame is acknowledged"
        assert machines.worker is not None
        machines.worker.terminate()
        machines.worker.wait(20)
        found = machines.report()
    assert [(account.camera, account.numbered) for account in found.accounts] == [
        ("live", LIVE_FRAMES),
        ("parts", FOLDER_FRAMES),
    ]
    assert found.good_while(running=False), found
    lost = [row for row in rows(machines.here) if row.outcome == "not_inspected"]
    assert {(row.camera.name, row.reason) for row in lost} == {("live", "overload")}, "those, and by name"
    assert all(row.score == row.seq for row in rows(machines.here) if row.outcome != "not_inspected")
