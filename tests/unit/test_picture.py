"""read_picture: what a file becomes, and what is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge.line.picture import UnreadablePicture, is_picture, read_picture, to_rgb


def save(path: Path, array: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), array)
    return path


def test_colour_comes_out_as_rgb(tmp_path: Path) -> None:
    bgr = np.zeros((3, 5, 3), np.uint8)
    bgr[:] = 10, 20, 200
    pixels = read_picture(save(tmp_path / "red.png", bgr))
    assert pixels.shape == (3, 5, 3)
    assert pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [200, 20, 10]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_divided_by_256(tmp_path: Path, suffix: str) -> None:
    grey = np.full((4, 6), 40000, np.uint16)
    pixels = read_picture(save(tmp_path / f"deep{suffix}", grey))
    assert pixels.shape == (4, 6, 3)
    assert set(pixels.ravel().tolist()) == {156}


def test_16_bit_colour_keeps_its_channels_apart(tmp_path: Path) -> None:
    bgr = np.zeros((4, 6, 3), np.uint16)
    bgr[:] = 0, 0x4000, 0xC800
    assert read_picture(save(tmp_path / "deep.png", bgr))[1, 1].tolist() == [0xC8, 0x40, 0]


def test_transparency_is_dropped_and_not_blended(tmp_path: Path) -> None:
    Image.new("RGBA", (6, 4), (200, 100, 50, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png")[0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_exif_rotation_is_applied(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("RGB", (64, 32), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 16, 16))  # upper left, as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise for viewing: the upper left goes to the upper right
    picture.save(tmp_path / f"turned{suffix}", exif=exif)
    pixels = read_picture(tmp_path / f"turned{suffix}")
    assert pixels.shape == (64, 32, 3)
    assert pixels[4, -4].min() > 240
    assert pixels[4, 4].max() < 15


def test_palette_and_cmyk_become_rgb(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (0, 0, 255)).convert("P").save(tmp_path / "palette.png")
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    assert read_picture(tmp_path / "palette.png")[0, 0].tolist() == [0, 0, 255]
    assert read_picture(tmp_path / "print.jpg")[0, 0].tolist() == pytest.approx([255, 0, 0], abs=3)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".webp"])
def test_a_truncated_file_is_unreadable(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    path = save(tmp_path / f"part{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadablePicture, match=f"part{suffix}"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_other_content_is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "part.png").write_bytes(content)
    with pytest.raises(UnreadablePicture, match=r"part\.png"):
        read_picture(tmp_path / "part.png")


def test_an_absurd_size_is_unreadable_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "huge.bmp").write_bytes(
        b"BM"
        + bytes(8)
        + (54).to_bytes(4, "little")
        + (40).to_bytes(4, "little")
        + (1 << 29).to_bytes(4, "little") * 2
        + (1).to_bytes(2, "little")
        + (24).to_bytes(2, "little")
        + bytes(24)
    )
    with pytest.raises(UnreadablePicture):
        read_picture(tmp_path / "huge.bmp")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match=r"gone\.png.*No such file"):
        read_picture(tmp_path / "gone.png")


def test_endings_count_in_either_case() -> None:
    assert is_picture(Path("A.JPG"))
    assert not is_picture(Path("A.txt"))
    assert not is_picture(Path("png"))


def test_grey_and_16_bit_camera_frames_become_rgb() -> None:
    assert to_rgb(np.full((2, 2), 7, np.uint8)).tolist() == [[[7, 7, 7]] * 2] * 2
    assert to_rgb(np.full((2, 2, 1), 0x1234, np.uint16))[0, 0].tolist() == [0x12] * 3
