"""An interrupt (Ctrl-C, the stop button of a notebook) waits for the end of a step, so that it loses nothing."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Patience:
    """While this context lasts, the first interrupt is only noted; a second one comes at once, as usual.

    Attributes:
        asked: Whether there was an interrupt.
    """

    def __init__(self) -> None:
        self.asked = False
        self._usual: object = None

    def __enter__(self) -> Patience:
        """Take the signal over, where this thread gets it and nobody else has taken it over."""
        mine = threading.current_thread() is threading.main_thread()
        if mine and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._usual = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the signal back."""
        if self._usual is not None:
            signal.signal(signal.SIGINT, self._usual)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            signal.default_int_handler(number, frame)
        self.asked = True

    def check(self) -> None:
        """Raise the interrupt that was noted.

        Raises:
            KeyboardInterrupt: If there was one.
        """
        if self.asked:
            raise KeyboardInterrupt
