"""Tables of named entries, and refusals that name the argument, its range and the value."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import algan_lite as al
from algan_lite.core.checks import Entry, Table, check_choice, check_integer, check_number

TABLES = [al.BALANCES, al.LOSSES, al.REGULARIZERS, al.STRATEGIES, al.SAMPLERS, al.METRICS, al.data.SOURCES]
TABLES += [al.AUGMENTATIONS]


@pytest.mark.parametrize("value", [0, 1.5, 3, np.float32(2), np.int64(1), torch.tensor(2.0)])
def test_numbers_inside_pass(value: object) -> None:
    assert check_number("size", value, 0, 3) == float(value)


@pytest.mark.parametrize("value", [-0.1, 3.1, float("nan"), float("inf"), -float("inf")])
def test_numbers_outside_are_refused_with_name_range_and_value(value: float) -> None:
    with pytest.raises(ValueError, match=r"size must be in \[0, 3\]; got .*" + str(value).replace(".", r"\.")):
        check_number("size", value, 0, 3)


@pytest.mark.parametrize("value", ["3", None, True, [1], 1j])
def test_what_is_no_number_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match=r"size must be a number in \(-inf, inf\); got "):
        check_number("size", value)


def test_an_open_end_is_not_part_of_the_range() -> None:
    assert check_number("size", 1e-12, 0, open_low=True) == 1e-12
    with pytest.raises(ValueError, match=r"size must be in \(0, inf\); got 0"):
        check_number("size", 0, 0, open_low=True)


def test_infinity_is_refused_even_without_bounds() -> None:
    with pytest.raises(ValueError, match="got inf"):
        check_number("size", float("inf"))


@pytest.mark.parametrize("value", [1.0, "1", None, True, np.float64(1)])
def test_integers_are_integers(value: object) -> None:
    with pytest.raises(TypeError, match=r"count must be an integer in \[1, inf\); got "):
        check_integer("count", value, 1)


def test_integers_of_numpy_and_torch_become_pythons() -> None:
    for value in (np.int64(3), torch.tensor(3), 3):
        assert type(check_integer("count", value, 1)) is int
    with pytest.raises(ValueError, match=r"count must be in \[1, 5\]; got 6"):
        check_integer("count", 6, 1, 5)


@pytest.mark.parametrize("value", ["c", 3, None, ["a"]])
def test_unknown_choices_list_the_known_ones(value: object) -> None:
    with pytest.raises(ValueError, match="letter must be one of a, b; got "):
        check_choice("letter", value, ("a", "b"))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.kind)
class TestTable:
    def test_unknown_names_are_key_and_value_errors_that_list_the_known(self, table: Table) -> None:
        for error in (KeyError, ValueError):
            with pytest.raises(error) as caught:
                table["no such name"]
            assert all(name in str(caught.value) for name in table)
            assert str(caught.value).startswith(table.kind)
            assert "'no such name'" in str(caught.value)

    def test_every_entry_documents_itself_and_shows(self, table: Table) -> None:
        assert len(table) == len(list(table)) > 0
        assert all(len(text) > 15 for text in table.describe().values())
        assert all(name in repr(table) and f"<code>{name}</code>" in table._repr_html_() for name in table)

    def test_it_is_read_only_and_knows_its_names(self, table: Table) -> None:
        first = next(iter(table))
        assert first in table
        assert "no such name" not in table
        assert table.get("no such name") is None
        with pytest.raises(TypeError):
            table[first] = None


def test_html_of_a_table_is_escaped() -> None:
    table = Table("kind", Entry)
    table.add(Entry("<b>", "<script>", "<i>"))
    assert not any(tag in table._repr_html_() for tag in ("<b>", "<script>", "<i>"))


def test_a_name_is_entered_once() -> None:
    table = Table("kind", lambda fn, **fields: Entry(**fields))

    @table.enter(source="here")
    def name() -> None:
        """One line.

        More.
        """

    assert table["name"] == Entry("name", "One line.", "here")
    with pytest.raises(ValueError, match="name must be a new kind; got 'name' a second time"):
        table.add(Entry("name"))


def test_an_entry_can_be_taken_out_again() -> None:
    table: Table[Entry] = Table("thing", Entry)
    table.add(Entry("one"))
    table.remove("one")
    assert list(table) == []
    table.add(Entry("one"))
    with pytest.raises(ValueError, match="thing must be one of one; got 'other'"):
        table.remove("other")
