"""Which pictures become references, from a camera, a folder or the record."""
