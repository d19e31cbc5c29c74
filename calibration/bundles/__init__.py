"""A station's bundles: listed, shown, promoted, taken from machine to machine."""
