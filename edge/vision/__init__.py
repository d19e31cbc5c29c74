"""How a frame is judged. No ZeroMQ and no database in this room."""
