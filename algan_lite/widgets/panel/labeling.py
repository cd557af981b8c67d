"""A panel with which a person labels digits, and sees what the labels are worth."""

from __future__ import annotations

import html
from collections.abc import Callable
from itertools import zip_longest

import numpy as np
from ipywidgets import HTML, Button, Dropdown, HBox, Layout, Text, VBox
from torch.nn.functional import avg_pool2d

from algan_lite.core.checks import check_choice, check_integer
from algan_lite.data.finite import Finite
from algan_lite.data.images import mnist
from algan_lite.labels.human import STRATEGIES, Labeling
from algan_lite.labels.learners import Fit, spreading
from algan_lite.widgets.panel.controls import Picture, family
from algan_lite.widgets.panel.labeled import picture
from algan_lite.widgets.panel.presence import replace_earlier
from algan_lite.widgets.panel.still import hiding, show, still

DIGITS = tuple("0123456789")
ACTIONS = {"skip": "Skip", "undo": "Undo", "reset": "Start again"}
SKIP = "s"  # on the keyboard
ORDERS = 5  # of random questions, for comparison


class LabelingPanel:
    """Label digits yourself, one by one, and see the test error move beside that of random questions to the file.

    Press a button, or type into the field: a digit labels, ``s`` skips, the backspace key takes back. Your labels are
    used as they are, wrong ones too. The error is that on images of their own, of which nobody is asked.

    Args:
        source: Digits with labels, (1, height, width) in [-1, 1]; the first ``num_pool`` training images are asked
            about, the first ``num_pool`` validation images measure. By default MNIST, its sides halved for the learner.
        budget: Digits to label, in [1, num_pool].
        strategy: Who is asked about next: ``random``, ``margin`` or ``entropy`` (what the learner doubts).
        num_pool: Images to choose from, >= 1.
        learner: ``fit(pool) -> model``; by default label spreading on 40 principal components.
        seed: Of the questions.

    Attributes:
        controls: name -> widget: ``0`` to ``9``, ``skip``, ``undo``, ``reset``, ``strategy`` and ``keys``.
        session: The ``Labeling`` behind it: answers, mistakes, errors.
        random: Test errors of random questions with the file's labels, (orders, budget).
        box: The widget that holds them all.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If one is out of range or unknown, or the source has no labels.
    """

    def __init__(
        self,
        source: Finite | None = None,
        *,
        budget: int = 20,
        strategy: str = "random",
        num_pool: int = 1000,
        learner: Fit | None = None,
        seed: int = 0,
    ) -> None:
        source = mnist() if source is None else source
        if getattr(source, "train_labels", None) is None or getattr(source, "validation_labels", None) is None:
            raise ValueError(f"source must have labels of its training and validation images; got {source!r}")
        check_integer("num_pool", num_pool, 1)
        self._shown = source.train[:num_pool]
        x, x_test = (_small(part[:num_pool]) for part in (source.train, source.validation))
        learner = spreading(x, neighbors=min(10, len(x))) if learner is None else learner
        truth = source.train_labels[:num_pool], source.validation_labels[:num_pool]
        how = {"budget": budget, "strategy": strategy, "seed": seed}
        self.session = Labeling(x, truth[0], x_test, truth[1], learner, **how)
        self.random = self.session.random_curves(ORDERS)
        self._error: Exception | None = None  # of a callback
        self._typed = ""  # what the field holds, in the session's terms
        self._image = Picture(format="png", layout=Layout(width="660px", max_width="100%", object_fit="contain"))
        self._state, self._trouble = HTML(), HTML()
        self._still_id = f"al-still-{self._image.model_id}"
        self.controls = _make_controls(strategy)
        self.box = self._lay_out()
        self._connect()
        self._show()
        replace_earlier(self)

    def drive(self, **values: object) -> None:
        """Move controls as a hand would, one after the other.

        Args:
            **values: ``label``: presses the button of this digit; ``keys``: types this text into the field, anew;
                ``strategy``: chooses; ``skip``, ``undo`` and ``reset`` take True.

        Raises:
            ValueError: If a name or a value is unknown, or there is nothing left to answer or to take back.
        """
        for name in values:
            check_choice("drive", name, ("label", "keys", "strategy", *ACTIONS))
        for name, value in values.items():
            self._move(name, value)
            error, self._error = self._error, None
            if error is not None:
                raise error

    def close(self) -> None:
        """Remove the panel."""
        for widget in family(self.box):
            widget.close()

    def _move(self, name: str, value: object) -> None:
        if name in ("keys", "strategy"):
            known = STRATEGIES if name == "strategy" else (value,)
            self.controls[name].value = check_choice(name, value, known)
            return
        if name in ACTIONS and value is not True:
            raise ValueError(f"{name} must be True; got {value!r}")
        button = self.controls[name if name in ACTIONS else str(check_integer("label", value, 0, 9))]
        for callback in button._click_handlers.callbacks:  # button.click() would swallow what they raise
            callback(button)

    def _connect(self) -> None:
        session, controls = self.session, self.controls
        for digit in DIGITS:
            controls[digit].on_click(self._guarded(lambda _, digit=digit: session.answer(int(digit))))
        for name in ACTIONS:
            controls[name].on_click(self._guarded(lambda _, name=name: getattr(session, name)()))
        typed = self._guarded(lambda change: self._type(change.new))
        # The panel itself writes into the field what was done: nothing was typed then.
        controls["keys"].observe(lambda change: change.new == self._typed or typed(change), "value")
        controls["strategy"].observe(self._guarded(lambda change: setattr(session, "strategy", change.new)), "value")

    def _type(self, text: str) -> None:
        """Do what was typed since: the field holds a character an action, and one that is gone is taken back."""
        kept = sum(1 for _ in _same(text, self._typed))
        if kept < min(len(text), len(self._typed)):
            raise ValueError("type at the end of the field; to change an earlier label, take back all after it")
        for _ in self._typed[kept:]:
            self.session.undo()
        for key in text[kept:]:
            check_choice("keys", key, (*DIGITS, SKIP))
            self.session.skip() if key == SKIP else self.session.answer(int(key))

    def _guarded(self, callback: Callable[[object], None]) -> Callable[[object], None]:
        """Show the outcome, and keep what a callback raises for ``drive``: ipywidgets would drop it."""

        def guarded(event: object) -> None:
            self._trouble.value = ""
            try:
                callback(event)
            except Exception as error:
                self._error = error
                self._trouble.value = f'<p role="alert" style="line-height:1.4"><b>{html.escape(str(error))}</b></p>'
            self._show()

        return guarded

    def _show(self) -> None:
        session = self.session
        self._typed = "".join(SKIP if label is None else str(label) for _, label in session.actions)
        self.controls["keys"].value = self._typed
        asked = None if session.question is None else self._shown[session.question, 0].numpy()
        self._image.value = picture(asked, session.errors, self.random)
        self._state.value = f'<p role="status" style="line-height:1.4">{html.escape(self._words())}</p>'
        for digit in DIGITS:
            self.controls[digit].disabled = session.question is None
        self.controls["skip"].disabled = session.question is None
        self.controls["undo"].disabled = not session.actions

    def _words(self) -> str:
        session = self.session
        given, wrong = len(session.answers), len(session.mistakes)
        words = [f"{given} of {session.budget} labels"]
        if given:
            error, with_truth = session.errors[-1]
            words += [f"test error {error:.1%}", f"random questions {self.random[:, given - 1].mean():.1%}"]
            differ = [f"you {said}, file {true}" for _, said, true in session.mistakes]
            words += [f"{wrong} unlike the file ({'; '.join(differ)})"] if wrong else []
            words += [f"with the file's labels {with_truth:.1%}"] if wrong else []
        return ", ".join(words) + ("" if session.question is not None else ". Done")

    def _lay_out(self) -> VBox:
        if self._image.has_trait("tooltip"):  # ipywidgets 8; in 7 the front end knows no such thing
            self._image.tooltip = "The digit to label, and the test error against the number of labels."
        wrap = Layout(flex_flow="row wrap")
        digits = HBox([self.controls[digit] for digit in DIGITS], layout=wrap)
        others = HBox([self.controls[name] for name in (*ACTIONS, "strategy", "keys")], layout=wrap)
        return VBox([self._image, digits, others, self._state, self._trouble, HTML(hiding(self._still_id))])

    def __repr__(self) -> str:
        return f"LabelingPanel: {self.session.strategy} questions; {self._words()}"

    def _ipython_display_(self) -> None:
        """Show a still picture, for where no kernel answers, and the panel (unless ALGAN_LITE_STATIC is 1)."""
        show(self.still(), self.box)

    def still(self) -> dict[str, str]:
        """Return what there is to see now, by type: ``text/html``, ``image/png`` (base 64) and ``text/plain``."""
        then = "run this notebook to label digits yourself."
        return still(repr(self), self._image.value, self._still_id, then=then, width=660)


def _small(x: np.ndarray) -> np.ndarray:
    """Return images in [0, 1] for a learner, sides halved where they are long: (N, 1, h, w)."""
    x = (x + 1) / 2
    return avg_pool2d(x, 2) if x.shape[-1] >= 28 else x


def _same(a: str, b: str) -> str:
    """Return the longest common beginning."""
    end = next((k for k, (one, other) in enumerate(zip_longest(a, b)) if one != other), len(a))
    return a[:end]


def _make_controls(strategy: str) -> dict[str, Button | Dropdown | Text]:
    """Return name -> widget."""
    controls = {digit: Button(description=digit, layout=Layout(width="3em")) for digit in DIGITS}
    controls |= {name: Button(description=label, layout=Layout(width="auto")) for name, label in ACTIONS.items()}
    look = {"style": {"description_width": "initial"}, "layout": Layout(width="14em")}
    controls["strategy"] = Dropdown(options=STRATEGIES, value=strategy, description="next question", **look)
    controls["keys"] = Text(description="or type", placeholder="0-9, s skips", continuous_update=True, **look)
    return controls
