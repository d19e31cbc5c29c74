"""Which `ok` frames are kept for the audit: each is drawn by itself, at its category's rate of that moment."""

import random

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from edge.ledger.audit_rates import rates
from edge.verdict import Outcome, Verdict


class AuditDraw:
    """Draws frames at the rates that the record holds; `refresh` and `rate_of` may be called from two threads."""

    def __init__(self, engine: Engine, dice: random.Random | None = None) -> None:
        """engine: for reading;  dice: default the operating system's randomness, so that nobody can foresee a draw."""
        self._engine = engine
        self._dice = dice or random.SystemRandom()
        self._rates: dict[str, float] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the rates in force."""
        with Session(self._engine) as session:
            self._rates = {row.category: row.rate for row in rates(session)}

    def rate_of(self, verdict: Verdict) -> float | None:
        """The rate at which this frame was drawn, if it was; None if it was not, or is not `ok`."""
        if verdict.outcome is not Outcome.OK or verdict.category is None:
            return None
        rate = self._rates.get(verdict.category, 0.0)
        return rate if self._dice.random() < rate else None
