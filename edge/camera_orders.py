"""How orders of cameras are done: stop, start, and changeover to another category."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from edge.cameras import Cameras, check_bundle
from edge.errors import EdgeError
from edge.ledger.camera_states import Doing
from edge.ledger.orders import Order
from edge.order_desk import Steps
from edge.process_table import Status
from edge.settings import Settings

FIRST_FRAME_S = 10.0  # how long the answer waits for a frame; a camera with a trigger may have none for hours


class CameraOrders:
    """Stops, starts and changes over the cameras of a running line."""

    def __init__(self, settings: Settings, cameras: Cameras) -> None:
        self._settings, self._cameras = settings, cameras

    @property
    def kinds(self) -> Mapping[str, Callable[[Order], Steps]]:
        """By kind of order, how it is done."""
        return {"stop": self._stop, "start": self._start, "changeover": self._changeover}

    def _stop(self, order: Order) -> Steps:
        name = self._camera(order)
        if self._cameras.status(name) is Status.HELD:
            raise EdgeError(f"{name} is stopped already")
        self._cameras.hold(name, asked_by=order.asked_by, reason=order.reason)
        yield from self._until_stopped(name)
        return f"{name} is stopped"

    def _start(self, order: Order) -> Steps:
        name = self._camera(order)
        if self._cameras.status(name) in (Status.RUNNING, Status.WAITING):
            raise EdgeError(f"{name} is started already")
        category = self._cameras.category(name)
        if category is not None:
            yield from self._check(category)
        self._cameras.release(name)
        return (yield from self._until_inspecting(name))

    def _changeover(self, order: Order) -> Steps:
        name, category = self._camera(order), order.category
        if category is None:
            raise EdgeError("no category was named")
        if category == self._cameras.category(name):
            raise EdgeError(f"{name} inspects {category} already")
        yield from self._check(category)
        if self._cameras.status(name) is Status.HELD:
            self._cameras.change_over(name, category)
            return f"{name} will inspect {category} when it is started"
        self._cameras.hold(name, asked_by=order.asked_by, reason=f"changeover to {category}")
        yield from self._until_stopped(name)
        self._cameras.change_over(name, category)
        self._cameras.release(name)
        return (yield from self._until_inspecting(name))

    def _camera(self, order: Order) -> str:
        """The order's camera, if it can take orders."""
        name = order.camera
        if name is None or name not in self._cameras.names:
            raise EdgeError(f"there is no camera {name} on this line, only {', '.join(self._cameras.names)}")
        if self._cameras.status(name) is Status.DONE:
            raise EdgeError(f"the source of {name} came to its end; begin a new run")
        return name

    def _check(self, category: str) -> Steps:
        """Read the category's bundle beside the line's work; EdgeError if it is missing, damaged or does not fit."""
        pool = ThreadPoolExecutor(1)
        checked = pool.submit(check_bundle, self._settings, category)
        pool.shutdown(wait=False)  # an order that is ended meanwhile must not wait for the reading
        while not checked.done():
            yield
        checked.result()
        return category

    def _until_stopped(self, name: str) -> Steps:
        while self._cameras.status(name) is Status.STOPPING:
            yield
        if self._cameras.status(name) is Status.DONE:
            raise EdgeError(f"the source of {name} came to its end meanwhile")
        return name

    def _until_inspecting(self, name: str) -> Steps:
        until_s = time.monotonic() + FIRST_FRAME_S
        category = self._cameras.category(name) or "nothing it was taught"
        while time.monotonic() < until_s:
            now = self._cameras.now(name)
            if now.state is Doing.INSPECTING:
                return f"{name} inspects {category}"
            if now.state is Doing.FAILED:
                raise EdgeError(f"{name} cannot work: {now.reason}")
            yield
        return f"{name} is started for {category}; no frame has come yet"
