"""What calibration teaches of a picture before it is judged: area, alignment, the empty view."""
