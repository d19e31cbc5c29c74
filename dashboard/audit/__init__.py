"""The audit room: passed parts judged blind, and what that says of the line."""
