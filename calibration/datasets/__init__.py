"""Labelled test pictures in the layouts in which data sets are given out."""

from calibration.datasets.draw import references
from calibration.datasets.mask import read_mask
from calibration.datasets.opening import KINDS, open_dataset
from calibration.datasets.sample import Category, Dataset, Sample

__all__ = ["KINDS", "Category", "Dataset", "Sample", "open_dataset", "read_mask", "references"]
