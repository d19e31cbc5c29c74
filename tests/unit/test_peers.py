"""Running the peers in another environment: the job that goes out, the rows that come back, what is said of failure."""

import sys
from pathlib import Path

import pytest

from calibration.evaluation import peers
from calibration.evaluation.peers import Job, Peer, PeerScore, parse_peers, run_peers
from edge.errors import EdgeError


def a_job(**changes: object) -> Job:
    fields: dict[str, object] = {
        "peers": (Peer("patchcore", 320),),
        "references": ("r.png",),
        "samples": ("a.png", "b, with comma.png"),
        "object_name": "part",
        "backbone": "lite",
    }
    return Job(**(fields | changes))  # type: ignore[arg-type]


def interpreter(folder: Path, body: str) -> Path:
    """An interpreter that runs `body` in place of the runner; the job file is its second argument."""
    file = folder / "python"
    file.write_text(f"#!{sys.executable}\nimport csv, json, sys\njob = json.load(open(sys.argv[2]))\n{body}\n")
    file.chmod(0o755)
    return file


def test_names_and_sizes_of_peers() -> None:
    assert parse_peers("patchcore, padim@512", input_size=320) == (Peer("patchcore", 320), Peer("padim", 512))


@pytest.mark.parametrize("text", ["spade", "", "patchcore@big", "patchcore,,padim"])
def test_an_unknown_peer_is_refused(text: str) -> None:
    with pytest.raises(EdgeError, match="peer"):
        parse_peers(text, input_size=320)


def test_every_picture_comes_back_with_its_score(tmp_path: Path) -> None:
    body = """
writer = csv.writer(sys.stdout)
writer.writerow(["peer", "input_size", "image", "score", "ms"])
for peer in job["peers"]:
    for number, image in enumerate(job["samples"]):
        writer.writerow([peer["name"], peer["input_size"], image, number + 0.5, 12.0])
"""
    assert run_peers(interpreter(tmp_path, body), a_job()) == [
        PeerScore("patchcore", 320, Path("a.png"), 0.5, 12.0),
        PeerScore("patchcore", 320, Path("b, with comma.png"), 1.5, 12.0),
    ]


def test_what_the_environment_lacks_is_named(tmp_path: Path) -> None:
    body = 'sys.stderr.write("noise\\npeer patchcore: its weights cannot be had: wide_resnet50_2\\n"); sys.exit(3)'
    with pytest.raises(EdgeError, match="wide_resnet50_2"):
        run_peers(interpreter(tmp_path, body), a_job())


def test_missing_rows_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="status 0"):
        run_peers(interpreter(tmp_path, 'print("peer,input_size,image,score,ms")'), a_job())


def test_an_interpreter_that_is_not_there_is_named_with_the_way_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="pip install"):
        run_peers(tmp_path / "none", a_job())


def test_an_environment_without_anomalib_is_told_so() -> None:
    """The real runner under this project's own interpreter, which has none."""
    with pytest.raises(EdgeError, match="is missing"):
        run_peers(Path(sys.executable), a_job())


def test_the_runner_lies_in_the_package() -> None:
    assert (Path(peers.__file__).parents[1] / "data" / "peer_runner.py").is_file()
