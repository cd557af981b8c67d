"""Studies: written whole, read back, with a record of how they were made; the shipped ones can be repeated."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import algan_lite as al
from algan_lite.studies import explorer, study
from algan_lite.studies.digit_study import digit_arms
from algan_lite.studies.study import Study, load_study, provenance, save_study, studies
from tools.book.pages import ROOT


def test_tables_and_arrays_come_back(tmp_path: Path) -> None:
    table, arrays = pd.DataFrame({"seed": [0, 1], "modes": [8.0, 7.0]}), {"x": np.arange(6).reshape(2, 3)}
    save_study(Study("runs", provenance("make results", 1.4), table=table), tmp_path)
    save_study(Study("pictures", provenance("make results", 2.0), arrays=arrays), tmp_path)
    assert studies(tmp_path) == ["pictures", "runs"]
    pd.testing.assert_frame_equal(load_study("runs", tmp_path).table, table)
    np.testing.assert_array_equal(load_study("pictures", tmp_path).arrays["x"], arrays["x"])
    record = load_study("runs", tmp_path).provenance
    assert record["command"] == "make results"
    assert record["seconds"] == 1
    assert set(record) == {"command", "commit", "python", "packages", "device", "seconds", "date"}


def test_the_record_says_whether_the_commit_is_what_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "package" / "results"
    results.mkdir(parents=True)
    monkeypatch.setattr(study, "RESULTS", results)
    assert provenance("a", 1.0)["commit"] == "unknown"  # as in an installed package

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    (results / "one.json").write_text("{}")
    (tmp_path / "code.py").write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "a")
    clean = provenance("a", 1.0)["commit"]
    assert re.fullmatch("[0-9a-f]{12}", clean)
    (results / "one.json").write_text("{1}")  # the study before this one
    assert provenance("a", 1.0)["commit"] == clean
    (tmp_path / "code.py").write_text("2")
    assert provenance("a", 1.0)["commit"] == f"{clean}-dirty"


def test_bad_studies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*got 'gamma'"):
        al.load_study("gamma")
    with pytest.raises(ValueError, match="study must hold either a table or arrays"):
        save_study(Study("empty", {}), tmp_path)
    assert not list(tmp_path.iterdir())


class TestLambda:
    study = load_study("lambda")
    arrays = study.arrays
    combos = tuple(map(tuple, arrays["combos"].tolist()))

    def test_it_holds_what_the_explorer_shows(self) -> None:
        lams, steps = (self.arrays[name] for name in ("lams", "steps"))
        assert lams[0] == 0
        assert len(lams) >= 12
        np.testing.assert_allclose(np.diff(np.log10(lams[1:])), 0.5, atol=0.01)  # a log grid, to two digits
        assert len(steps) >= 11
        assert self.combos == tuple(explorer.COMBOS)
        assert {loss for loss, *_ in self.combos} >= {"wasserstein", "non_saturating"}
        for data in self.arrays["data"]:
            values = self.arrays[f"{data}/values"]
            assert values.shape[:3] == (len(self.combos), len(lams), len(steps))
            assert values.shape[3] >= 4
            assert np.isfinite(values).mean() > 0.9
            assert values[..., 0].max() == self.arrays["num_modes"][list(self.arrays["data"]).index(data)]

    def test_without_lambda_all_regularizers_are_the_plain_gan(self) -> None:
        for loss in ("wasserstein", "non_saturating"):
            plain = [c for c, (own, _, strategy) in enumerate(self.combos) if (own, strategy) == (loss, "random")]
            for name in ("values", "fakes", "heat", "chosen"):
                start = self.arrays[f"ring/{name}"][plain, 0]
                np.testing.assert_array_equal(start, np.broadcast_to(start[:1], start.shape))

    def test_lambda_zero_is_what_training_with_it_makes(self) -> None:
        alone = explorer.watch("ring", "wasserstein", "none", "random", (0.0,), [0, 1], (25,))
        weighed = explorer.watch("ring", "wasserstein", "r1", "random", (0.0,), [0, 1], (25,))
        for name in ("values", "fakes"):
            np.testing.assert_allclose(weighed[name].astype(float), alone[name], rtol=1e-3, atol=1e-3)

    def test_it_opens_where_a_lambda_in_the_middle_rescues(self) -> None:
        modes, quality = (self.arrays["ring/values"][0, :, -1, :, k].astype(float) for k in (0, 1))
        circle = self.arrays["ring/zeros"][list(self.arrays["sentinels"]).index("shapeless"), 1]
        middle = list(self.arrays["lams"]).index(1)
        assert modes[0].max() <= 2 < 8 == modes[middle].min()
        assert quality[0].max() < circle < quality[middle].min() - 0.1
        assert quality[-1].mean() < quality[middle].mean() - 0.2

    def test_a_row_can_be_repeated(self) -> None:
        lams, steps = self.arrays["lams"], self.arrays["steps"]
        combo = ("wasserstein", "r1", "top_k")
        seen = explorer.watch("ring", *combo, lams[[1, 6]], seeds=[0], steps=steps[:2])
        c = self.combos.index(combo)
        now, then = seen["values"][:, :, 0], self.arrays["ring/values"][c][[1, 6], :2, 0]
        np.testing.assert_allclose(now[..., 3:], then[..., 3:], rtol=1e-2, atol=1e-3)  # other machines round otherwise
        assert np.abs(seen["fakes"].astype(int) - self.arrays["ring/fakes"][c][[1, 6], :2]).mean() < 2


def cell(page: str, name: str) -> str:
    notebook = nbformat.read(ROOT / "book" / f"{page}.ipynb", as_version=4)
    return next(cell.source for cell in notebook.cells if cell.id == name)


@pytest.mark.parametrize("steps", [400, 1200])
def test_the_digits_study_has_the_settings_of_its_chapter(steps: int) -> None:
    chapter = {"al": al, "num_steps": steps}
    exec(cell("mnist_al_gan", "config"), chapter)
    assert digit_arms(steps)["top_k + R1"].describe() == chapter["config"].describe()
