"""A background thread that trains one GAN with ``train()`` while somebody moves its settings."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from algan_lite.core.rng import derive_seed
from algan_lite.training.loop import train
from algan_lite.training.state import TrainState
from algan_lite.widgets.panel.scene import Frame, Run, Scene
from algan_lite.widgets.panel.settings import Settings

MOST_STEPS = 50_000  # play stops after so many: nobody may be looking any more
DRAWING = 0.25  # largest share of the time that goes into pictures
PAUSE = 0.2  # least seconds between two pictures


class _Leave(BaseException):
    """Ends a call of ``train()`` between two steps."""


class Session:
    """The owner of G and D: a thread that calls ``train()`` and waits in its callback while it is paused.

    A change of lambda is in force at the next step (it is a schedule that reads the settings). Any other change ends
    the call and starts another with the same weights, fresh moments of Adam and fresh random streams; a change of the
    seed, or to another number of heads of D, starts with new weights.

    Args:
        settings: To begin with.
        show: Called with a frame in the thread, a few times a second and whenever there is something new to see.
        fail: Called with an error in the thread; ``settle()`` raises it too.
    """

    def __init__(self, settings: Settings, show: Callable[[Frame], None], fail: Callable[[Exception], None]) -> None:
        self.settings, self._show, self._fail = settings, show, fail
        self.run = Run(*settings.pair())
        self.playing = False
        self._left = 0  # steps that may still be taken
        self._posted = 1  # number of the last request
        self._heard = 0  # the last request that the thread has read
        self._obeyed = 0  # the last request that a step shown in a picture knew of
        self._anew = self._idle = self._closed = False
        self._error: Exception | None = None
        self._next_picture, self._mark = 0.0, (0.0, 0)
        self._rate: float | None = None
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="algan_lite panel", daemon=True)
        self._thread.start()
        _SESSIONS.add(self)

    # What others ask for; each returns at once.

    def play(self) -> None:
        """Train until ``pause()``, at most MOST_STEPS steps."""
        self._post(playing=True, left=MOST_STEPS)

    def pause(self) -> None:
        """Stop after the step that is being taken."""
        self._post(playing=False, left=0)

    def take(self, steps: int = 1) -> None:
        """Take some steps more, then pause."""
        self._post(playing=False, left=steps + (0 if self.playing else self._left))

    def reset(self) -> None:
        """Start anew from the seed, paused."""
        self._post(run=Run(*self.settings.pair()), playing=False, left=0)

    def change(self, **values: object) -> None:
        """Change fields of the settings; those that do not fit raise here, before anything has changed."""
        old, new = self.settings, replace(self.settings, **values)
        # Networks are built here and not in the thread: their initial weights borrow the global random state.
        run = Run(*new.pair()) if (new.seed, new.heads) != (old.seed, old.heads) else self.run
        self._post(settings=new, run=run, anew=replace(new, lam=old.lam) != old)

    def settle(self, timeout: float = 120) -> None:
        """Wait until all that was asked for can be seen, and raise what went wrong in the thread since the last call.

        Raises:
            TimeoutError: If it takes longer than ``timeout`` seconds.
        """
        with self._turn:
            done = self._turn.wait_for(lambda: self._error is not None or self._settled, timeout)
            error, self._error = self._error, None
        if error is not None:
            raise error
        if not done:
            raise TimeoutError(f"the panel's thread did not answer within {timeout} s")

    def close(self) -> None:
        """End the thread; nothing can be asked for afterwards."""
        with self._turn:
            self._closed, self.playing = True, False
            self._turn.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=30)

    @property
    def _settled(self) -> bool:
        return self._closed or self._idle or (self.playing and self._obeyed >= self._posted)

    def _post(self, *, anew: bool = False, left: int | None = None, **changes: object) -> None:
        with self._turn:
            if self._closed:
                raise RuntimeError("the panel is closed; make a new one")
            self._anew |= anew or changes.get("run", self.run) is not self.run
            for name, value in changes.items():
                setattr(self, name, value)
            self._left = self._left if left is None else left
            self._posted, self._idle = self._posted + 1, False
            self._turn.notify_all()

    # The thread.

    def _work(self) -> None:
        while not self._closed:
            try:
                self._train()
            except _Leave:
                continue
            except Exception as error:  # nobody waits for a thread: settle() raises it, fail() shows it
                self._rest(error)

    def _train(self) -> None:
        with self._turn:
            settings, run, self._anew, self._heard = self.settings, self.run, False, self._posted
        scene = Scene(settings, run)
        self._await_turn(scene)
        seed = derive_seed(settings.seed, f"part {run.parts}") if run.parts else settings.seed
        run.parts += 1
        config = settings.config(lambda step: self.settings.lam)
        train(run.G, run.D, scene.source, config, seed=seed, callbacks=[self._after_step(scene)], progress=False)

    def _after_step(self, scene: Scene) -> Callable[[TrainState], None]:
        def after_step(state: TrainState) -> None:
            scene.run.note(state)
            with self._turn:
                self._left -= self._left > 0 and not self._anew
                self.playing &= self._left > 0
            if self._left and not self._anew and perf_counter() >= self._next_picture:
                self._picture(scene)
                with self._turn:
                    self._obeyed = self._heard
                    self._turn.notify_all()
            self._await_turn(scene)

        return after_step

    def _await_turn(self, scene: Scene) -> None:
        """Return when the next step may be taken; until then show what there is, anew after every request."""
        paused = False
        while True:
            with self._turn:
                self._heard = self._posted
                if self._anew or self._closed:
                    raise _Leave
                if self._left:
                    if paused or scene.run.step == 0:
                        self._mark = perf_counter(), scene.run.step
                    return
            self._picture(scene)
            paused = True
            with self._turn:
                self._idle = self._heard == self._posted
                self._turn.notify_all()
                self._turn.wait_for(lambda: self._closed or self._heard != self._posted)

    def _picture(self, scene: Scene) -> None:
        began, (then, step) = perf_counter(), self._mark
        if scene.run.step > step:
            self._rate = (scene.run.step - step) / (began - then)
            self._mark = began, scene.run.step
        self._show(scene.frame(self.settings, self.playing, self._rate))
        now = perf_counter()
        self._next_picture = now + max(PAUSE, (now - began) * (1 / DRAWING - 1))

    def _rest(self, error: Exception) -> None:
        """Pause, say what went wrong, and wait for the next request."""
        self._fail(error)
        with self._turn:
            self.playing, self._left, self._error, self._idle = False, 0, error, True
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._closed or self._heard != self._posted)


_SESSIONS: weakref.WeakSet[Session] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End the threads before Python does: one that is cut off inside PyTorch takes the process down with it."""
    for session in list(_SESSIONS):
        session.close()
