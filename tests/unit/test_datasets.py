"""Data sets on disk: each official layout is read whole, in order, or refused with the name of what is missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from calibration.datasets import Category, Dataset, Sample, open_dataset, read_mask, references
from edge.errors import EdgeError


def picture(path: Path, pixels: np.ndarray | None = None) -> Path:
    """Write a picture, 6 wide and 4 high if nothing else is asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 6), 90, np.uint8) if pixels is None else pixels).save(path)
    return path


def write_mvtec(root: Path) -> Path:
    for category in ("zipper", "bottle"):
        for name in ("001", "000"):
            picture(root / category / "train" / "good" / f"{name}.png")
        for kind in ("good", "broken"):
            picture(root / category / "test" / kind / "000.png")
        picture(root / category / "ground_truth" / "broken" / "000_mask.png", np.full((4, 6), 255, np.uint8))
    (root / "license.txt").touch()
    (root / "papers").mkdir()
    return root


def write_visa(root: Path) -> Path:
    rows = ["object,split,label,image,mask"]
    for name in ("pcb1", "candle"):
        folder = f"{name}/Data"
        for number, split in (("0001", "train"), ("0000", "train"), ("0002", "test")):
            rows.append(f"{name},{split},normal,{folder}/Images/Normal/{number}.JPG,")
        rows.append(f"{name},test,anomaly,{folder}/Images/Anomaly/000.JPG,{folder}/Masks/Anomaly/000.png")
        picture(root / folder / "Masks/Anomaly/000.png", np.eye(4, 6, dtype=np.uint8) * 3)
    for row in rows[1:]:
        picture(root / row.split(",")[3])
    (root / "split_csv").mkdir()
    (root / "split_csv" / "1cls.csv").write_text("\n".join(rows) + "\n")
    return root


def write_sewerml(root: Path) -> Path:
    root.mkdir()
    for split, folder in (("Val", "valid13"), ("Train", "train00")):
        (root / f"SewerML_{split}.csv").write_text(
            "Filename,WaterLevel,ND,Defect\n00000003.png,5,0,1\n00000001.png,0,1,0\n00000002.png,0,1,0\n"
        )
        for number in (1, 2, 3):
            picture(root / folder / f"0000000{number}.png")
    return root


def write_folder(root: Path) -> Path:
    for number in (2, 1):
        picture(root / "nut" / "normal" / f"{number}.jpg")
    for name in ("good/a.jpg", "defect/b.jpg", "defect/c.jpg"):
        picture(root / "nut" / "test" / name)
    picture(root / "nut" / "masks" / "b.png", np.eye(4, 6, dtype=np.uint8) * 255)
    (root / "nut" / "README.txt").touch()
    return root


WRITERS: dict[str, Callable[[Path], Path]] = {
    "mvtec": write_mvtec,
    "visa": write_visa,
    "sewerml": write_sewerml,
    "folder": write_folder,
}


def told(dataset: Dataset, root: Path) -> dict[str, tuple[list[str], list[tuple[str, bool, str | None, str]]]]:
    """What was found, with names relative to the root."""

    def short(path: Path) -> str:
        return path.relative_to(root).as_posix()

    return {
        category.name: (
            [short(file) for file in category.normal],
            [(short(s.file), s.defect, s.mask and short(s.mask), s.kind) for s in category.test],
        )
        for category in dataset.categories
    }


def test_mvtec(tmp_path: Path) -> None:
    dataset = open_dataset("mvtec", write_mvtec(tmp_path / "mvtec_ad"))
    expected = {
        name: (
            [f"{name}/train/good/000.png", f"{name}/train/good/001.png"],
            [
                (f"{name}/test/broken/000.png", True, f"{name}/ground_truth/broken/000_mask.png", "broken"),
                (f"{name}/test/good/000.png", False, None, "good"),
            ],
        )
        for name in ("bottle", "zipper")
    }
    assert told(dataset, tmp_path / "mvtec_ad") == expected
    assert list(expected) == [category.name for category in dataset.categories]
    assert dataset.name == "mvtec"
    assert dataset.sources == ("mvtec",)
    assert len(dataset.absent) == 13
    assert "cable" in dataset.absent


def test_visa(tmp_path: Path) -> None:
    dataset = open_dataset("visa", write_visa(tmp_path / "visa"))
    assert told(dataset, tmp_path / "visa") == {
        name: (
            [f"{name}/Data/Images/Normal/0000.JPG", f"{name}/Data/Images/Normal/0001.JPG"],
            [
                (f"{name}/Data/Images/Anomaly/000.JPG", True, f"{name}/Data/Masks/Anomaly/000.png", "anomaly"),
                (f"{name}/Data/Images/Normal/0002.JPG", False, None, "good"),
            ],
        )
        for name in ("candle", "pcb1")
    }
    assert len(dataset.absent) == 10
    defect = dataset.categories[0].test[0]
    assert np.array_equal(read_mask(defect), np.eye(4, 6, dtype=bool)), "mask values are numbers of defects, not 255"


def test_sewerml_has_image_labels_only(tmp_path: Path) -> None:
    root = write_sewerml(tmp_path / "sewerml")
    (category,) = open_dataset("sewerml", root).categories
    assert [(s.file.name, s.defect, s.pixels_known) for s in category.test] == [
        ("00000001.png", False, True),
        ("00000002.png", False, True),
        ("00000003.png", True, False),
    ]
    assert [file.relative_to(root).as_posix() for file in category.normal] == [
        "train00/00000001.png",
        "train00/00000002.png",
    ]


@pytest.mark.parametrize("gone", ["SewerML_Train.csv", "train00"])
def test_sewerml_without_training_pictures_is_for_zero_shot_only(tmp_path: Path, gone: str) -> None:
    root = write_sewerml(tmp_path / "sewerml")
    (root / gone).rename(tmp_path / "elsewhere")
    (category,) = open_dataset("sewerml", root).categories
    assert category.normal == ()
    assert len(category.test) == 3
    assert references(category, shots=0, seed=0) == ()
    with pytest.raises(EdgeError, match=r"no normal pictures.*--shots 0"):
        references(category, shots=1, seed=0)


def test_folder_of_categories_and_one_category_are_the_same(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "mine")
    many, one = open_dataset("folder", root), open_dataset("folder", root / "nut")
    assert many.categories == one.categories
    assert (many.name, one.name) == ("folder:mine", "folder:nut")
    assert many.sources == one.sources == ("folder:nut",)
    assert told(many, root) == {
        "nut": (
            ["nut/normal/1.jpg", "nut/normal/2.jpg"],
            [
                ("nut/test/good/a.jpg", False, None, "good"),
                ("nut/test/defect/b.jpg", True, "nut/masks/b.png", "defect"),
                ("nut/test/defect/c.jpg", True, None, "defect"),
            ],
        )
    }


@pytest.mark.parametrize("kind", ["mvtec", "visa"])
def test_categories_can_be_chosen(tmp_path: Path, kind: str) -> None:
    root = WRITERS[kind](tmp_path / kind)
    last = open_dataset(kind, root).categories[-1]
    chosen = open_dataset(kind, root, categories=[last.name])
    assert chosen.categories == (last,)
    with pytest.raises(EdgeError, match=r"no category 'spoon' here, only \w+, \w+"):
        open_dataset(kind, root, categories=["spoon", last.name])


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        ("mvtec", "bottle/train"),
        ("mvtec", "bottle/test"),
        ("mvtec", "zipper/ground_truth/broken/000_mask.png"),
        ("visa", "split_csv/1cls.csv"),
        ("visa", "candle/Data/Images/Normal/0000.JPG"),
        ("visa", "candle/Data/Images/Anomaly/000.JPG"),
        ("visa", "pcb1/Data/Masks/Anomaly/000.png"),
        ("sewerml", "SewerML_Val.csv"),
        ("sewerml", "valid13/00000002.png"),
        ("folder", "nut/normal"),
        ("folder", "nut/test/good"),
        ("folder", "nut/test/defect"),
    ],
)
def test_what_is_missing_is_named_with_the_layout(tmp_path: Path, kind: str, gone: str) -> None:
    root = WRITERS[kind](tmp_path / kind)
    (root / gone).rename(tmp_path / "elsewhere")
    with pytest.raises(EdgeError, match=rf"{gone}.*: there is no such.*(is laid out as|category's folder holds)"):
        open_dataset(kind, root)


@pytest.mark.parametrize("kind", list(WRITERS))
def test_another_folder_is_refused_with_the_layout(tmp_path: Path, kind: str) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(EdgeError, match=rf"{root}.*(is laid out as|category's folder holds)"):
            open_dataset(kind, root)


def test_one_category_of_mvtec_as_root_says_which_folder_to_give(tmp_path: Path) -> None:
    root = write_mvtec(tmp_path / "mvtec")
    with pytest.raises(EdgeError, match="bottle is one category: give the folder above"):
        open_dataset("mvtec", root / "bottle")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    root = write_mvtec(tmp_path / "mvtec")
    shutil.rmtree(root / "bottle" / "test" / "broken")
    (root / "bottle" / "test" / "broken").mkdir()
    with pytest.raises(EdgeError, match="bottle/test/broken: no pictures in this folder"):
        open_dataset("mvtec", root)


@pytest.mark.parametrize(
    ("kind", "table", "old", "new", "said"),
    [
        ("visa", "split_csv/1cls.csv", "label", "labels", "no column 'label', only object, split, labels, image, mask"),
        ("visa", "split_csv/1cls.csv", "anomaly", "bad", "split 'test' and label 'bad'"),
        ("visa", "split_csv/1cls.csv", "candle,test", "candle,train", "split 'train' and label 'anomaly'"),
        ("visa", "split_csv/1cls.csv", "candle,train", "candle,test", "no row of candle with split train"),
        ("sewerml", "SewerML_Val.csv", "Defect", "Defects", "no column 'Defect', only Filename"),
        ("sewerml", "SewerML_Val.csv", "5,0,1", "5,0,7", "00000003.png has Defect '7', not 0 or 1"),
        ("sewerml", "SewerML_Val.csv", "0000000", "000", "0001.png: there is no such file, but"),
    ],
)
def test_a_table_that_is_not_understood_is_refused(
    tmp_path: Path, kind: str, table: str, old: str, new: str, said: str
) -> None:
    root = WRITERS[kind](tmp_path / kind)
    text = (root / table).read_text()
    assert old in text
    (root / table).write_text(text.replace(old, new))
    with pytest.raises(EdgeError, match=said):
        open_dataset(kind, root)


def test_a_table_without_rows_or_of_another_encoding_is_refused(tmp_path: Path) -> None:
    root = write_sewerml(tmp_path / "sewerml")
    table = root / "SewerML_Val.csv"
    table.write_text("Filename,Defect\n")
    with pytest.raises(EdgeError, match="no rows below the header"):
        open_dataset("sewerml", root)
    table.write_bytes(b"Filename,Defect\n\xff\xfe.png,1\n")
    with pytest.raises(EdgeError, match=r"SewerML_Val.csv.*UTF-8"):
        open_dataset("sewerml", root)


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"'vand' is not known. Known are mvtec, visa, sewerml, folder"):
        open_dataset("vand", tmp_path)


def defect_of(folder: Path, pixels: np.ndarray, mask: np.ndarray) -> Sample:
    return Sample(picture(folder / "a.png", pixels), "nut", True, picture(folder / "mask.png", mask), "scratch")


def test_a_mask_is_read_whatever_its_kind_of_picture(tmp_path: Path) -> None:
    """Grey, 16-bit values below 256, a palette, one bit, and a colour of which grey would make nothing."""
    truth = np.eye(4, 6, dtype=bool)
    blue = np.zeros((4, 6, 3), np.uint8)
    blue[truth] = 0, 0, 1
    with_alpha = np.dstack((truth.astype(np.uint8), blue[:, :, :2], np.full((4, 6), 255, np.uint8)))
    palette = Image.fromarray(truth.astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 0, 0])
    for n, mask in enumerate([truth.astype(np.uint8), truth.astype(np.uint16), truth, blue, with_alpha]):
        sample = defect_of(tmp_path / str(n), np.zeros((4, 6), np.uint8), mask)
        assert np.array_equal(read_mask(sample), truth), n
    assert sample.mask
    palette.save(sample.mask)
    assert np.array_equal(read_mask(sample), truth)


def test_a_resized_mask_keeps_what_is_more_than_half_defective(tmp_path: Path) -> None:
    mask = np.zeros((8, 12), np.uint8)
    mask[0:4, 0:4] = 1
    mask[6, 10] = 1
    sample = defect_of(tmp_path, np.zeros((8, 12), np.uint8), mask)
    smaller = read_mask(sample, size=(4, 6))
    assert smaller.dtype == np.bool_
    assert np.array_equal(smaller, np.pad(np.ones((2, 2), bool), ((0, 2), (0, 4)))), "a lone pixel of four vanishes"
    assert read_mask(sample, size=(5, 5)).shape == (5, 5)


def test_a_good_part_has_an_empty_mask_of_the_size_in_which_it_is_seen(tmp_path: Path) -> None:
    good = Sample(tmp_path / "a.jpg", "nut", defect=False, mask=None, kind="good")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(good.file, exif=turned)
    assert read_mask(good).shape == (6, 4)
    assert read_mask(good, size=(3, 2)).shape == (3, 2)
    assert not read_mask(good).any()


def test_masks_that_cannot_be_right_are_refused(tmp_path: Path) -> None:
    sample = defect_of(tmp_path, np.zeros((4, 6), np.uint8), np.ones((6, 4), np.uint8))
    with pytest.raises(EdgeError, match=r"mask.png is 4x6 pixels, its picture .*a.png another size, 6x4"):
        read_mask(sample, size=(2, 2))
    assert sample.mask
    for content in (b"", b"no picture"):
        sample.mask.write_bytes(content)
        with pytest.raises(EdgeError, match=r"mask.png cannot be read"):
            read_mask(sample)
    sample.mask.unlink()
    with pytest.raises(EdgeError, match=r"mask.png cannot be read"):
        read_mask(sample)
    with pytest.raises(EdgeError, match="defect without a mask"):
        read_mask(Sample(sample.file, "nut", defect=True, mask=None, kind="scratch"), size=(2, 2))


def test_a_broken_picture_has_no_size(tmp_path: Path) -> None:
    broken = tmp_path / "a.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(EdgeError, match=r"a.png cannot be read"):
        read_mask(Sample(broken, "nut", defect=False, mask=None, kind="good"))


NORMAL = tuple(Path(f"{n}.png") for n in range(7))


@given(shots=st.integers(0, 7), more=st.integers(0, 7), seed=st.integers(0, 99), replace=st.booleans())
def test_draws_of_a_seed_are_the_same_and_nested(shots: int, more: int, seed: int, replace: bool) -> None:
    category = Category("nut", NORMAL, ())
    few = references(category, shots=shots, seed=seed, replace=replace)
    many = references(category, shots=min(shots + more, 7), seed=seed, replace=replace)
    assert len(few) == shots
    assert many[:shots] == few
    assert set(many) <= set(NORMAL)
    if not replace:
        assert len(set(many)) == len(many)


def test_seeds_and_categories_draw_differently_and_every_picture_comes_up() -> None:
    for replace in (False, True):
        draws = [references(Category("nut", NORMAL, ()), shots=4, seed=s, replace=replace) for s in range(50)]
        assert len(set(draws)) > 40
        assert {file for draw in draws for file in draw} == set(NORMAL)
        others = [references(Category("bolt", NORMAL, ()), shots=4, seed=s, replace=replace) for s in range(50)]
        assert draws != others


def test_with_replacement_a_picture_comes_twice_and_there_is_no_limit() -> None:
    category = Category("nut", NORMAL, ())
    assert len(references(category, shots=20, seed=0, replace=True)) == 20
    with pytest.raises(EdgeError, match="8 references asked for, 7 normal pictures there"):
        references(category, shots=8, seed=0)


def test_the_draw_of_a_seed_stays_what_it_was() -> None:
    """Published figures name their seeds: a change of the draw changes the figures."""
    category = Category("nut", NORMAL, ())
    assert [file.stem for file in references(category, shots=4, seed=0)] == list("0512")
    assert [file.stem for file in references(category, shots=4, seed=0, replace=True)] == list("2465")


def test_real_parts_are_read_whole(real_parts: Path) -> None:
    dataset = open_dataset("folder", real_parts)
    found = {
        category.name: (
            len(category.normal),
            sum(not sample.defect for sample in category.test),
            sum(sample.defect for sample in category.test),
            sum(sample.mask is not None for sample in category.test),
        )
        for category in dataset.categories
    }
    assert found == {
        "circuitboard": (30, 20, 50, 0),
        "cookie": (31, 14, 40, 32),
        "hazelnut_toy": (18, 16, 17, 17),
        "magnetic_tile": (150, 150, 191, 191),
    }
    for category in dataset.categories:
        for sample in category.test[::7]:
            if sample.pixels_known:
                assert read_mask(sample).any() == sample.defect
