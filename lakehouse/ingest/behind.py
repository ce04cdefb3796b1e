"""Writing behind the work: the next frame is judged while the last one goes to disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

AHEAD = 3


class WriteBehind:
    """Does what it is given in order, in one thread of its own; after a failure it does nothing more.

    At most `AHEAD` things wait, so that memory stays bounded. The failure is raised by the next `submit` or at the end.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self._failed = False

    def submit(self, do: Callable[[], None]) -> None:
        """Raises what an earlier one failed with."""
        if len(self._waiting) >= AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._attempt, do))

    def _attempt(self, do: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            do()
        except BaseException:
            self._failed = True
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._failed = True
        self._thread.shutdown()
        if error is None:
            while self._waiting:
                self._waiting.popleft().result()
