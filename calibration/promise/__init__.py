"""What a threshold promises: exact bounds, the grade, and the page that an engineer signs."""
