"""How a frame travels: from a camera, through the journal, over ZeroMQ. No torch in this room."""
