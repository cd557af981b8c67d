"""A panel of ipywidgets over a GAN that trains in the background, in a notebook with a kernel."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable

from ipywidgets import HTML, Button, HBox, Layout, VBox
from torch import nn

from algan_lite.core.checks import check_choice, check_integer
from algan_lite.training.config import TrainConfig
from algan_lite.widgets.panel.controls import BUTTONS, LABELS, NONE, Picture, checked, family, make_controls
from algan_lite.widgets.panel.frames import KEY, numbers, picture
from algan_lite.widgets.panel.presence import Heart, replace_earlier
from algan_lite.widgets.panel.scene import Frame
from algan_lite.widgets.panel.session import Session
from algan_lite.widgets.panel.settings import Settings
from algan_lite.widgets.panel.still import hiding, show, still

_PEN = threading.Lock()  # matplotlib is not made for two threads at once


class LivePanel:
    """Train a GAN on points in the plane, with every setting under the reader's hands. The kernel stays free.

    Lambda counts from the next step on. Data, loss, regularizer, strategy and learning rate change the rules and keep
    the weights (Adam's moments and the random streams start afresh); a seed starts with new weights, and so does a
    strategy that needs another number of heads. Strategies choose from two candidates for each latent. When its cell
    runs again the panel is closed; it pauses when its browser is gone (after two minutes).

    Args:
        data: ``ring``, ``grid``, ``imbalanced_ring``, ``two_moons`` or ``swiss_roll``.
        loss: Name in ``LOSSES``.
        regularizer: Name in ``REGULARIZERS``, or None.
        lam: Lambda, >= 0.
        strategy: Name in ``STRATEGIES``.
        seed: In [0, 2^31).
        width: Units of a hidden layer, >= 1.
        depth: Hidden layers, >= 1.
        batch_size: Reals and fakes a step, >= 1.

    Attributes:
        controls: name -> widget: ``data``, ``loss``, ``regularizer``, ``lam``, ``strategy``, ``lr``, ``seed``,
            ``play``, ``pause``, ``step`` and ``reset``.
        box: The widget that holds them all.

    Raises:
        ValueError: If a setting is unknown or out of range.
    """

    def __init__(
        self,
        data: str = Settings.data,
        loss: str = Settings.loss,
        regularizer: str | None = Settings.regularizer,
        lam: float = Settings.lam,
        strategy: str = Settings.strategy,
        seed: int = Settings.seed,
        *,
        width: int = Settings.width,
        depth: int = Settings.depth,
        batch_size: int = Settings.batch_size,
    ) -> None:
        none = None if regularizer == NONE else regularizer
        settings = Settings(data, loss, none, lam, strategy, seed, width=width, depth=depth, batch_size=batch_size)
        self.controls = make_controls(settings)
        self._error: Exception | None = None  # of a control's callback
        self._frame: Frame | None = None
        self._image = Picture(format="png", layout=Layout(width="440px", max_width="100%", object_fit="contain"))
        self._numbers, self._state, self._trouble, self._heart = HTML(), HTML(), HTML(), Heart()
        self._still_id = f"al-still-{self._image.model_id}"
        self.box = self._lay_out()
        self._session = Session(settings, self._show, self._complain)
        self._connect()
        try:
            self._session.settle()
        except BaseException:
            self.close()
            raise
        replace_earlier(self)

    @property
    def G(self) -> nn.Module:
        """The generator as it is: pause before you use it."""
        return self._session.run.G

    @property
    def D(self) -> nn.Module:
        """The discriminator as it is: pause before you use it."""
        return self._session.run.D

    @property
    def step(self) -> int:
        """Steps since the last reset."""
        return self._session.run.step

    @property
    def playing(self) -> bool:
        """Whether it trains on until somebody pauses it."""
        return self._session.playing

    @property
    def config(self) -> TrainConfig:
        """What the controls say, for ``train()``."""
        return self._session.settings.config(num_steps=max(1, self.step))

    def drive(self, **values: object) -> None:
        """Move controls as a hand would, one after the other, and wait until the effect of each can be seen.

        Args:
            **values: A control's name -> its new value; ``play``, ``pause`` and ``reset`` take True, ``step`` the
                number of steps to take.

        Raises:
            ValueError: If a name or a value is unknown.
            Exception: Whatever a callback or the training has raised since the last call, such as
                ``TrainingDiverged``.
        """
        for name in values:
            check_choice("drive", name, self.controls)
        self._settle()
        for name, value in values.items():
            self._move(name, value)
            self._settle()

    def close(self) -> None:
        """Stop the training and remove the panel."""
        self._session.close()
        for widget in family(self.box):
            widget.close()

    def _move(self, name: str, value: object) -> None:
        control = self.controls[name]
        if not isinstance(control, Button):
            control.value = checked(name, value, control)
            return
        if name != "step" and value is not True:
            raise ValueError(f"{name} must be True; got {value!r}")
        for _ in range(check_integer("step", value, 1) if name == "step" else 1):
            for callback in control._click_handlers.callbacks:  # control.click() would swallow what they raise
                callback(control)

    def _settle(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
        self._session.settle()

    def _connect(self) -> None:
        session, controls = self._session, self.controls
        presses = {"play": session.play, "pause": session.pause, "step": session.take, "reset": session.reset}
        for name, press in presses.items():
            controls[name].on_click(self._guarded(lambda _, press=press: press()))
        for name in LABELS:
            controls[name].observe(self._guarded(lambda change, name=name: self._change(name, change.new)), "value")
        # The front end counts the views once it is asked to; a panel that nobody sees any more shall not train on.
        self.box._view_count = 0
        self.box.observe(lambda change: session.pause() if session.playing and not change.new else None, "_view_count")

    def _change(self, name: str, value: object) -> None:
        value = None if value == NONE else value
        self._session.change(**{name: value})
        if name == "regularizer":
            self.controls["lam"].disabled = value is None

    def _guarded(self, callback: Callable[[object], None]) -> Callable[[object], None]:
        """Keep what a callback raises for ``drive`` and show it: ipywidgets would drop it or print it elsewhere."""

        def guarded(event: object) -> None:
            self._trouble.value = ""
            try:
                callback(event)
            except Exception as error:
                self._error = error
                self._complain(error)

        return guarded

    def _complain(self, error: Exception) -> None:
        text = html.escape(f"{type(error).__name__}: {error}")
        advice = "Paused. Change a setting, or press Reset to start anew."
        self._trouble.value = f'<p role="alert" style="line-height:1.4"><b>{text}</b><br>{advice}</p>'

    def _show(self, frame: Frame) -> None:
        """Bring a frame to the screen; called in the session's thread."""
        with _PEN:
            self._image.value = picture(frame)
        self._numbers.value = numbers(frame)
        self._heart.beat(frame.playing)
        if frame.playing and self._heart.stopped:
            self._session.pause()
        self._state.value = f'<span role="status">{"Training" if frame.playing else "Paused"}</span>'
        self._frame = frame

    def _lay_out(self) -> HBox:
        if self._image.has_trait("tooltip"):  # ipywidgets 8; in 7 the front end knows no such thing
            self._image.tooltip = "Points in the plane over the verdict of D, and the losses below; in words beside it."
        wrap = Layout(flex_flow="row wrap")
        buttons = HBox([self.controls[name] for name in BUTTONS], layout=wrap)
        sliders = [self.controls[name] for name in LABELS]
        left = VBox(
            [*sliders, buttons, self._state, self._trouble, self._numbers],
            layout=Layout(width="350px", max_width="100%"),
        )
        # Where the panel is alive its still picture, which stands above it, is hidden.
        live = HTML(KEY + hiding(self._still_id))
        right = VBox([self._image, live, self._heart], layout=Layout(max_width="100%"))
        return HBox([left, right], layout=Layout(flex_flow="row wrap", grid_gap="16px"))

    def __repr__(self) -> str:
        s, frame = self._session.settings, self._frame
        term = "no regularizer" if s.regularizer is None else f"{s.regularizer} with λ = {s.lam:g}"
        modes = "" if frame is None or frame.modes is None else f", {frame.modes[0]} of {frame.modes[1]} modes"
        return f"LivePanel: {s.data}, {s.loss}, {term}, {s.strategy}, seed {s.seed}; step {self.step:,}{modes}"

    def _ipython_display_(self) -> None:
        """Show a still picture, for where no kernel answers, and the panel (unless ALGAN_LITE_STATIC is 1)."""
        show(self.still(), self.box)

    def still(self) -> dict[str, str]:
        """Return what there is to see now, by type: ``text/html``, ``image/png`` (base 64) and ``text/plain``."""
        then = "run this notebook to move the sliders."
        return still(repr(self), self._image.value, self._still_id, key=KEY, then=then)
