"""The line at a glance: what each camera sees and does, and what is ordered of it."""
