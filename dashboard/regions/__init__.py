"""What counts of a category's pictures, drawn by hand over a reference."""
