"""Source that is shown is the real one."""

from __future__ import annotations

import pytest

import algan_lite as al
from algan_lite.notebook.source import show_source


def example(x: int) -> int:
    """Return x.

    With `````many backticks`````.
    """
    # first
    y = x  # then
    return y  # last


def test_source_is_the_real_one_without_its_docstring() -> None:
    shown = show_source(example).data
    assert shown == (
        "```python\n# notebook/test_source.py\ndef example(x: int) -> int:\n"
        "    # first\n    y = x  # then\n    return y  # last\n```"
    )


def test_source_with_docstring_has_a_longer_fence() -> None:
    shown = show_source(example, docstring=True).data
    assert shown.startswith("``````python\n")
    assert shown.endswith("\n``````")
    assert "Return x." in shown


def test_part_of_a_source() -> None:
    assert "y = x" in show_source(example, start="# first", stop="# last").data
    assert show_source(example, start="# then", stop="# last").data.splitlines()[2:-1] == ["y = x  # then"]
    for arguments in ({"start": "nowhere"}, {"start": "# last", "stop": "# first"}):
        with pytest.raises(ValueError, match="must occur in the source"):
            show_source(example, **arguments)


def test_source_of_the_package_compiles_and_six_steps_can_be_cut_out() -> None:
    code = "\n".join(show_source(al.train).data.splitlines()[1:-1])
    compile("from __future__ import annotations\n" + code, "train", "exec")
    assert "step.generate(chosen)" in show_source(al.training.six_steps, start="# 3.", stop="# 4.").data


def test_class_and_method_can_be_shown_and_numbers_cannot() -> None:
    assert show_source(al.TrainConfig).data.count("def ") >= 3
    assert show_source(al.TrainConfig.lams).data.splitlines()[2].startswith("def lams")
    for bad in (3, len):
        with pytest.raises(TypeError, match="obj must be a function, class or method written in Python"):
            show_source(bad)
