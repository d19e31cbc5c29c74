"""Where captures are received: each hello waits until its category is loaded, and is welcomed or refused then."""

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from edge.errors import EdgeError
from edge.judging import Scorer
from edge.ledger.bundles import record_bundle
from edge.ledger.damage import Damaged
from edge.ledger.patience import passing_cause
from edge.ledger.writer import Writer
from edge.line.message import Hello
from edge.line.worker_link import WorkerLink

log = logging.getLogger(__name__)


class Reception:
    """Greets captures and loads what they ask for. All but `load`, `note_bundles` is for the thread of the link."""

    def __init__(self, scorer: Scorer, *, link: WorkerLink, writer: Writer, writes: Engine) -> None:
        self._scorer, self._link, self._writer, self._writes = scorer, link, writer, writes
        self._hellos: dict[bytes, Hello] = {}  # that wait
        self._loaded: set[str] = set()  # categories
        self._loads: dict[str, Future[None]] = {}  # of categories that nobody inspected before
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._noted: set[str] = set()  # bundles that are in the record, by content hash

    def hear(self, peer: bytes, hello: Hello) -> None:
        """Take a hello, to be answered as soon as that can be done."""
        self._hellos[peer] = hello

    def answer(self) -> Iterator[Hello]:
        """Welcome or refuse whom it can; the hellos of those that were welcomed.

        Each try to write to a locked record takes a second, and hearts must beat: so it ends at the first. Raises
        Damaged of the record.
        """
        for peer, hello in list(self._hellos.items()):
            try:
                if not self._has_loaded(hello.category):
                    continue
                self._welcome(peer, hello)
            except DBAPIError as error:
                if passing_cause(error) is None:
                    raise
                log.warning("camera %s waits, since the record cannot be written: %s", hello.camera, error.orig)
                return
            except Damaged:
                raise
            except EdgeError as error:
                about = {"run": hello.run, "camera": hello.camera}
                log.error("refused camera %s: %s", hello.camera, error, extra=about)
                self._link.refuse(peer, str(error))
            else:
                yield hello
            del self._hellos[peer]

    def load(self, category: str) -> None:
        """Make a category ready, now. Raises EdgeError if it cannot be."""
        if category not in self._loaded:
            self._scorer.load(category)
            self._loaded.add(category)

    def note_bundles(self) -> None:
        """Give the record the names of bundles that are new to it."""
        for bundle in self._scorer.bundles():
            if bundle.sha256 not in self._noted:
                record_bundle(self._writes, **asdict(bundle))
                self._noted.add(bundle.sha256)

    def close(self) -> None:
        """Begin no more loads."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _welcome(self, peer: bytes, hello: Hello) -> None:
        self.note_bundles()
        committed, highest = self._writer.register(
            hello.run, hello.camera, source=hello.source, category=hello.category
        )
        self._link.welcome(peer, (hello.run, hello.camera), committed=committed, highest=highest)
        log.info(
            "camera %s of run %s is here; recorded up to %d", hello.camera, hello.run, committed,
            extra={"run": hello.run, "camera": hello.camera},
        )  # fmt: skip

    def _has_loaded(self, category: str | None) -> bool:
        """Whether a category is ready; if not, it is loaded beside all else. Raises EdgeError if it cannot be."""
        if category is None or category in self._loaded:
            return True
        if category not in self._loads:
            self._loads[category] = self._loader.submit(self.load, category)
            self._loads[category].add_done_callback(lambda _: self._link.wakeup.set())
        if not self._loads[category].done():
            return False
        self._loads.pop(category).result()
        return True
