"""Finding frames and parts again, and taking them away."""
