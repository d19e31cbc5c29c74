"""Offline: good parts in, a bundle that the line can load out."""
