"""The second paper: texts in, a network that judges pictures out."""
