"""A camera that was removed for good is no longer one of the line's."""

import time

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.beats import SUPERVISOR, WORKER, read_beats
from edge.ledger.camera_states import forget_camera, states
from edge.ledger.orders import FORGET, Order, OrderState, add_order
from edge.ledger.record import open_engine, unit_of_work
from edge.ledger.schema import need_record
from edge.local_account import local_account
from edge.settings import Settings

ALIVE_S = 3.0  # what has not beaten for so long is not there
ANSWER_S = 10.0
LOOK_S = 0.1


def forget_on_line(settings: Settings, camera: str) -> str:
    """Take a camera off the line; what to tell who asked.

    Raises EdgeError if there is no such camera, it is at work, or the line is an `edge run`.
    """
    need_record(settings.database)
    engine = open_engine(settings.database, writes=True)
    try:
        return _forget(settings, engine, camera)
    finally:
        engine.dispose()


def _forget(settings: Settings, engine: Engine, camera: str) -> str:
    with Session(engine) as session:
        there = [row.camera for row in states(session)]
    if camera not in there:
        raise EdgeError(f"there is no camera {camera} on this line. There is: {', '.join(there) or 'none'}.")
    now_s, beats = time.monotonic(), read_beats(settings.beats)
    alive = {name for name, beat in beats.items() if beat.age_s(now_s) < ALIVE_S}
    if SUPERVISOR in alive:
        raise EdgeError("`edge run` has its cameras from its command line. Start it anew without this one.")
    if WORKER in alive:
        return _asked(engine, camera)
    forget_camera(engine, camera)
    return f"camera {camera} is forgotten"


def _asked(engine: Engine, camera: str) -> str:
    """Ask the worker, which else would tell of the camera again. Raises EdgeError with its answer if it refuses."""
    with unit_of_work(engine) as session:
        order_id = add_order(session, FORGET, asked_by=local_account(), camera=camera).id
    until_s = time.monotonic() + ANSWER_S
    while time.monotonic() < until_s:
        with Session(engine) as session:
            order = session.get_one(Order, order_id)
        if order.state == OrderState.DONE:
            return str(order.answer)
        if order.state == OrderState.REFUSED:
            raise EdgeError(str(order.answer))
        time.sleep(LOOK_S)
    raise EdgeError(f"the worker did not answer within {ANSWER_S:.0f} s. `edge status` says how it does.")
