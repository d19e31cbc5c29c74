"""What is kept: rows, pictures, maps, and the check that nothing is missing. No torch and no ZeroMQ in this room."""
