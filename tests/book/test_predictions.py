"""Predictions that commit: what the directive writes and refuses, what a plain notebook shows, and who has some."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from predictions import CHOICE, NUMBER, POINT, build

from tools.book.copies import PREDICTION, plain_predictions
from tools.book.numbers import asserts, holds, numbers
from tools.book.pages import pages, source

REFERENCE = {"glossary", "references", "article_map", "api"}
CHAPTERS = [path for path in map(source, pages()) if path.parent.name == "book" and path.stem not in REFERENCE]


def boxes(page: str) -> list[Tag]:
    return BeautifulSoup(page, "html.parser").select(".predict")


# The directive


def test_each_kind_is_a_question_with_a_fold_and_data_for_the_script(tmp_path: Path) -> None:
    page, wrong = build(tmp_path, CHOICE + NUMBER + POINT)
    assert wrong == []
    choice, number, point = boxes(page)
    assert [item.get_text() for item in choice.select("ul > li")][::2] == ["the upper one, a < b & “c”", "neither"]
    assert [box.select_one(":scope > p").get_text()[:8] for box in (choice, number, point)] == ["Predict:"] * 3
    assert str(choice.select_one(":scope > details > p")) == "<p>The <strong>lower</strong>.</p>"
    assert all(box.find_all(recursive=False)[-1].name == "details" for box in (choice, number, point))
    data = [json.loads(str(box["data-predict"])) for box in (choice, number, point)]
    assert data[0] == {"answer": [2], "axes": []}
    label = 'points ahead of "chance" <b>'
    assert data[1] == {"answer": [2.8], "axes": [{"low": -5, "high": 10, "step": 0.5, "label": label}]}
    assert data[2]["answer"] == [6, 0.4]
    assert [axis["label"] for axis in data[2]["axes"]] == ["modes found", "share of good fakes"]
    assert not re.search(r"\son\w+=", str(choice) + str(number) + str(point))  # the page's policy has no handlers


def test_ids_come_from_the_question(tmp_path: Path) -> None:
    for name, text in {"one": CHOICE, "two": CHOICE.replace("The **lower**", "Another"), "three": NUMBER}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "id").write_text(str(boxes(build(tmp_path / name, text)[0])[0]["id"]))
    one, two, three = ((tmp_path / name / "id").read_text() for name in ("one", "two", "three"))
    assert re.fullmatch(r"predict-[0-9a-f]{12}", one)
    assert one == two != three  # another wording of the answer keeps what was answered


REFUSED = {
    "must be the number of a choice, 1 to 3, got [4.0]": CHOICE.replace('"2"', '"4"'),
    "must be numbers such as -1, 0 or 0.5 with one space between, got 'two'": CHOICE.replace('"2"', '"two"'),
    "must end with a list of at least two choices, or have :x:": CHOICE.replace(
        "- the lower one, $n^2$\n- `neither`\n", ""
    ),
    "the question must begin with a sentence": CHOICE.replace("**Predict:** which *row*?\n", ""),
    "must end with one fold": CHOICE.replace("</details>\n", ""),
    ":y: stands without :x:": POINT.replace(":x: 0 8 1 modes found\n", ""),
    f":x: must be 'low high step label', the label in 1 to 45 characters, got '0 8 1 {'m' * 46}'": POINT.replace(
        "modes found", "m" * 46
    ),
    ":x: must be 'low high step label', the label in 1 to 45 characters, got '0 8 1'": POINT.replace(
        "1 modes found", "1"
    ),
    ":x: must have low < high and a step > 0 that fits between them, got '8 0 1 modes'": POINT.replace(
        "0 8 1 modes found", "8 0 1 modes"
    ),
    ":y: must have low < high and a step > 0 that fits between them, got '0 1 0 share'": POINT.replace(
        "0.05 share of good fakes", "0 share"
    ),
    "must be one number for each axis, 0 to 8 and 0 to 1, got [6.0]": POINT.replace("6 0.4", "6"),
    "must be one number for each axis, -5 to 10, got [12.0]": NUMBER.replace('"2.8"', '"12"'),
    "this question stands on the page twice": CHOICE + CHOICE.replace('"2"', '"1"'),
}


@pytest.mark.parametrize("complaint", REFUSED)
def test_what_is_wrong_stops_the_build_with_its_field(tmp_path: Path, complaint: str) -> None:
    _, wrong = build(tmp_path, REFUSED[complaint])
    assert len(wrong) >= 1
    assert "predict" in wrong[0]
    assert complaint in wrong[0]


# A plain notebook


def test_copies_hold_the_question_and_a_fold(tmp_path: Path) -> None:
    fold = "<details><summary>Answer</summary>\n\nThere.\n\n</details>"
    assert plain_predictions(f"Before.\n{POINT}\nAfter.") == f"Before.\n\n**Predict:** where?\n\n{fold}\n\nAfter."
    assert plain_predictions(CHOICE).count("\n- ") == 3
    assert ":::" not in plain_predictions(CHOICE + NUMBER)


def test_the_report_on_numbers_reads_answers() -> None:
    assert numbers(NUMBER) == ["2.8"]


# The chapters


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_a_prediction_that_commits(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = list(PREDICTION.finditer(prose))
    assert len(found) == len(re.findall(r"^:{3,}\{predict\}", prose, flags=re.MULTILINE))  # the copies know each
    assert found, f"{path.stem} has no prediction that commits"
    assert all(one["question"].startswith("**Predict:**") for one in found)
    choices = {one["truth"]: one["question"].count("\n- ") for one in found if "\n- " in one["question"]}
    assert all(truth.isdigit() and 1 <= int(truth) <= count for truth, count in choices.items()), choices
    asserted = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code" and asserts(cell.source))
    truths = [truth for one in found if ":x:" in one.group().split("**Predict")[0] for truth in one["truth"].split(" ")]
    assert [truth for truth in truths if not holds(asserted, truth)] == []
