"""Labelled pictures in, APRIL-GAN's linear adapters out."""
