"""How defect rate, false alarms, scores and latency go over time."""
