"""Reviews become the next bundle: false alarms learned, verdicts replayed, promotions guarded."""
