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
        """Take the signal over, in the thread that gets it."""
        if threading.current_thread() is threading.main_thread():
            usual = signal.getsignal(signal.SIGINT)
            if callable(usual):  # otherwise it is ignored, or ends the process at once
                self._usual = usual
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the signal back; where nothing else went wrong, also an interrupt that is still waiting."""
        if self._usual is not None:
            signal.signal(signal.SIGINT, self._usual)
        if error is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self._usual(number, frame)
        self.asked = True

    def check(self) -> None:
        """Let the interrupt that was noted, if there was one, do what it usually does: raise ``KeyboardInterrupt``."""
        if self.asked:
            self.asked = False
            self._usual(signal.SIGINT, None)
