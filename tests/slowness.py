"""How busy the machine is, for the few tests whose subject is a time: it is promised for a machine to itself."""

import time

SPIN_S = 0.3


def slowness() -> float:
    """How many times longer work takes at this moment, beside what else the machine does."""
    began, worked = time.monotonic(), time.process_time()
    while time.process_time() - worked < SPIN_S:
        pass
    return (time.monotonic() - began) / SPIN_S
