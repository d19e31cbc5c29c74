"""The pixels of a test picture that are defective."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from calibration.datasets.sample import Sample
from edge.errors import EdgeError
from edge.line.opencv import cv2


def read_mask(sample: Sample, *, size: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Which pixels are defective: [h, w] bool; none of a good part.

    size: (h, w) of the result; default: the picture's own
    Any value above 0 in the file is defective. Made smaller or larger as APRIL-GAN's reference implementation does it:
    bilinear, averaging over what a new pixel covers, and defective where more than half is. A defect much smaller than
    a new pixel may vanish; it then counts as normal.
    Raises EdgeError if the mask is unreadable or has another size than its picture, and for a defect without a mask
    (`Sample.pixels_known`).
    """
    if not sample.pixels_known:
        raise EdgeError(f"{sample.file}: a defect without a mask file. It can count in image metrics only.")
    if sample.mask is None:
        return np.zeros(size or picture_size(sample), np.bool_)
    mask = decode_mask(sample)
    if mask.shape != picture_size(sample):
        raise EdgeError(
            f"mask {sample.mask} is {mask.shape[1]}x{mask.shape[0]} pixels, its picture {sample.file} another size, "
            "{1}x{0}. Give the mask the picture's size.".format(*picture_size(sample))
        )
    if size is None or size == mask.shape:
        return mask
    height, width = size
    resized = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized) > 127


def decode_mask(sample: Sample) -> NDArray[np.bool_]:
    """The mask file at its own size, [h, w] bool; of a coloured one, a pixel with any colour counts."""
    try:
        content = np.fromfile(str(sample.mask), np.uint8)
        decoded = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    except (OSError, cv2.error):
        decoded = None
    if decoded is None:
        raise EdgeError(f"mask {sample.mask} cannot be read. Get it again from the data set's download.")
    pixels = decoded.reshape(*decoded.shape[:2], -1)
    return np.asarray(pixels[:, :, :3].any(axis=2))


def picture_size(sample: Sample) -> tuple[int, int]:
    """(h, w) of the picture as it stands in a viewer, from the file's header. Raises EdgeError if that is broken."""
    try:
        with Image.open(sample.file) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5  # EXIF orientations 5 to 8 lie on their side
            width, height = picture.size
    except (OSError, UnidentifiedImageError) as error:
        raise EdgeError(f"picture {sample.file} cannot be read: {error}.") from error
    return (width, height) if turned else (height, width)
