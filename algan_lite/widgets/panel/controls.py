"""The widgets of the live panel: its controls, the values that they can take, and an image with a name."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ipywidgets import BoundedIntText, Button, Dropdown, Image, Layout, SelectionSlider, Widget
from traitlets import Unicode

from algan_lite.core.checks import UnknownNameError, check_integer
from algan_lite.objective.losses import LOSSES
from algan_lite.objective.regularizers import WITHOUT_MOVES
from algan_lite.selection.select import STRATEGIES
from algan_lite.widgets.panel.settings import LAMS, MAX_SEED, PLANE, RATES, Settings

NONE = "none"
LABELS = {"data": "data", "loss": "loss", "regularizer": "R(G, D)", "lam": "λ", "strategy": "strategy"}
LABELS |= {"lr": "learning rate", "seed": "seed"}
BUTTONS = {"play": ("Play", "play"), "pause": ("Pause", "pause"), "step": ("Step", "step-forward")}
BUTTONS |= {"reset": ("Reset", "refresh")}


class Picture(Image):
    """An image whose tooltip names it for a screen reader: the front end looks for a description first."""

    description = Unicode("").tag(sync=True)


def make_controls(settings: Settings) -> dict[str, Widget]:
    """Return name -> widget, at the values of the settings."""
    choices = {
        "data": PLANE,
        "loss": tuple(LOSSES),
        "regularizer": (NONE, *WITHOUT_MOVES),
        "lam": _numbered({*LAMS, float(settings.lam)}),
        "strategy": tuple(STRATEGIES),
        "lr": _numbered({*RATES, settings.lr}),
    }
    controls: dict[str, Widget] = {}
    for name, label in LABELS.items():
        value = getattr(settings, name)
        look = {"description": label, "style": {"description_width": "6.5em"}, "layout": Layout(width="auto")}
        if name == "seed":
            controls[name] = BoundedIntText(value, min=0, max=MAX_SEED, **look)
        else:
            kind = SelectionSlider if name == "lam" else Dropdown
            controls[name] = kind(options=choices[name], value=NONE if value is None else value, **look)
    controls["lam"].disabled = settings.regularizer is None
    for name, (label, icon) in BUTTONS.items():
        controls[name] = Button(description=label, icon=icon, layout=Layout(width="auto", flex="1 1 auto"))
    return controls


def _numbered(values: set[float]) -> tuple[tuple[str, float], ...]:
    return tuple((f"{value:g}", value) for value in sorted(values))


def checked(name: str, value: object, control: Widget) -> object:
    """Return the value that a hand could give the control; ipywidgets would clip some and refuse others darkly."""
    if isinstance(control, BoundedIntText):
        return check_integer(name, value, control.min, control.max)
    known = dict(option if isinstance(option, tuple) else (option, option) for option in control.options)
    for option in known.values():
        near = isinstance(option, float) and isinstance(value, int | float) and math.isclose(option, value)
        if near or option == (NONE if value is None else value):
            return option
    raise UnknownNameError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def family(widget: Widget) -> Iterator[Widget]:
    """Yield a widget, all that it holds, and their layouts and styles."""
    for child in getattr(widget, "children", ()):
        yield from family(child)
    yield from (part for name in ("layout", "style") if (part := getattr(widget, name, None)) is not None)
    yield widget
