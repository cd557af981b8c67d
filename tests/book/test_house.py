"""The house: what the checkout promises, and what the build does with it."""

from __future__ import annotations

import copy
import itertools
import json
import re
import statistics
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode

from tools.audit.static import page_findings
from tools.book.build import checkout, derived_config, fresh_cache, github_repository, package_key
from tools.book.first_cell import TAG, first_cell, version, wheel
from tools.book.lock import LOCKS, entries, split
from tools.book.pages import ROOT, pages, source
from tools.book.readme import code_blocks

NOTEBOOKS = sorted(path for path in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COLAB = [
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "pillow",
    "tqdm",
    "pooch",
    "safetensors",
    "joblib",
    "filelock",  # of PyTorch
    "ipywidgets",
]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


# The notebooks


def test_every_page_has_a_source_and_every_chapter_is_a_page() -> None:
    names = pages()
    assert len(names) == len(set(names))
    assert all(source(name).is_file() for name in names)
    chapters = {f"book/{path.stem}" for path in (ROOT / "book").glob("*.ipynb")}
    assert chapters <= set(names)


def test_notebook_is_stripped(notebook: NotebookNode) -> None:
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    nbformat.validate(notebook)


def test_cells_are_short(notebook: NotebookNode) -> None:
    lengths = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    assert max(lengths) <= 25
    assert statistics.median(lengths) <= 6


def test_first_code_cell_is_the_first_cell(notebook: NotebookNode) -> None:
    cell = code_cells(notebook)[0]
    assert cell.source == first_cell()
    assert TAG in cell.metadata.tags


def test_one_parameters_cell(notebook: NotebookNode) -> None:
    tagged = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1


def test_headings(notebook: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert notebook.cells[0].source.startswith("# ")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


ADDRESS = "algan-lite@git+https://github.com/teacher/fork@0123abc"


def run_first_cell(install: str | None, monkeypatch: pytest.MonkeyPatch, *, missing: bool) -> None:
    if missing:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code = first_cell(install).replace("%pip install", "raise AssertionError  #") if install else first_cell()
    exec(code.rsplit("\n", 1)[0], {})  # the last line prints the versions; it has its own tests


@pytest.mark.parametrize("install", [None, ADDRESS])
def test_first_cell_is_silent_and_idempotent_where_the_package_is(
    install: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        run_first_cell(install, monkeypatch, missing=False)
    assert capsys.readouterr() == ("", "")


def test_first_cell_installs_from_a_commit_or_says_where_to_get_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    (install,) = (line.strip() for line in first_cell(ADDRESS).splitlines() if "install" in line)
    assert install == f"%pip install -q --no-deps {ADDRESS}"
    with pytest.raises(AssertionError):
        run_first_cell(ADDRESS, monkeypatch, missing=True)
    with pytest.raises(ModuleNotFoundError, match="algan_lite is missing: run `make wheel`") as said:
        run_first_cell(None, monkeypatch, missing=True)
    assert wheel() in str(said.value)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("name", ["algan-lite", "algan-lite==0.1.0", "algan_lite[export]"])
def test_first_cell_refuses_a_bare_name(name: str) -> None:
    with pytest.raises(ValueError, match="not a bare name"):
        first_cell(name)
    assert bare_names(f"run %pip install -q --no-deps {name}\n")


DEVICE = re.compile(r"^(?!\s*#).*\bsetup\.device\b", flags=re.MULTILINE)
REASON = re.compile(r"^# .*not setup\.device: \w+", flags=re.MULTILINE)
TRAINS = re.compile(r"\bal\.(?:train|sweep)\(|_pair\(")


def test_networks_are_put_on_the_device_of_the_setup_or_a_comment_says_why_not(notebook: NotebookNode) -> None:
    code = "\n".join(cell.source for cell in code_cells(notebook))
    assert not TRAINS.search(code) or DEVICE.search(code) or REASON.search(code)
    assert "set_num_threads" not in code  # setup_notebook() sets them


# What pip would look up on an index: an argument that is no option, no file and no address.
INSTALL = re.compile(r"\bpip3? +install +([^`\n|;&]+)")
OTHERS = ("tests/", "algan_lite/export/")  # no documents: what they say there is told apart
OWN = re.compile(r"""algan[-_.]lite(?:\[\w+\])?(?:[=<>~!]=?[\w.]+)?["'.,:)]*""", flags=re.IGNORECASE)


def bare_names(text: str) -> list[str]:
    """Return the arguments of pip's installs that name this package and no place to get it from."""
    return [word for line in INSTALL.findall(text) for word in line.split() if OWN.fullmatch(word.lstrip("\"'("))]


def test_no_notebook_document_or_program_installs_a_bare_name() -> None:
    kinds = (".ipynb", ".md", ".py", ".yml", ".txt", ".toml", ".html", ".js", "Makefile", "run")
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in listed.splitlines() if name.endswith(kinds) and not name.startswith(OTHERS)]
    assert len(files) > 100
    assert {str(file): found for file in files if (found := bare_names(file.read_text("utf-8")))} == {}
    for good in (f"%pip install -q {ADDRESS}", f"pip install ./{wheel()}", "pip install -e .", "pip install torch"):
        assert bare_names(good) == []


# The build


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/teacher/my.fork",
        "https://github.com/teacher/my.fork.git",
        "https://user:secret@github.com/teacher/my.fork.git",
        "https://github.com/teacher/my.fork/",
        "git@github.com:teacher/my.fork.git",
        "git@github.com:teacher/my.fork",
        "ssh://git@github.com/teacher/my.fork.git",
        "ssh://git@github.com:22/teacher/my.fork.git",
    ],
)
def test_github_remotes(url: str) -> None:
    assert github_repository(url) == "teacher/my.fork"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/book.git",
        "../elsewhere",
        "https://gitlab.com/teacher/fork.git",
        "https://github.com.example.org/teacher/fork.git",
        "https://example.org/github.com/teacher/fork",
        "git@example.org:github.com/teacher.git",
        "https://github.com/teacher",
    ],
)
def test_other_remotes(url: str) -> None:
    assert github_repository(url) is None


def test_checkout_follows_origin_and_branch(tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    folder.mkdir()
    assert checkout(folder) is None
    run_git(folder, "init", "-b", "spring/term")
    assert checkout(folder) is None
    run_git(folder, "remote", "add", "origin", "git@github.com:teacher/fork.git")
    assert checkout(folder) == ("teacher/fork", "spring/term")
    (folder / "inner").mkdir()
    assert checkout(folder / "inner") is None  # a copy inside somebody's repository is not that repository
    run_git(folder, "remote", "set-url", "origin", "https://example.org/teacher/fork.git")
    assert checkout(folder) is None


def test_detached_checkout_has_no_branch_to_link_to(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-b", "main")
    run_git(tmp_path, "remote", "add", "origin", "https://github.com/teacher/fork")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    run_git(tmp_path, *identity, "commit", "--allow-empty", "-m", "first")
    run_git(tmp_path, "checkout", "--detach")
    assert checkout(tmp_path) is None


def test_derived_config_adds_buttons_only_for_a_place(tmp_path: Path) -> None:
    before = copy.deepcopy(CONFIG)
    without = derived_config(CONFIG, tmp_path, None)
    assert not {"repository", "launch_buttons"} & set(without)
    assert "use_repository_button" not in without["html"]
    with_place = derived_config(CONFIG, tmp_path, ("teacher/fork", "spring"))
    assert with_place["repository"] == {
        "url": "https://github.com/teacher/fork",
        "branch": "spring",
        "path_to_book": "",
    }
    assert with_place["launch_buttons"]["colab_url"].startswith("https://colab.")
    assert with_place["execute"]["cache"] == str(tmp_path)
    assert before == CONFIG


def test_tracked_config_names_no_place_and_only_builds_the_toc() -> None:
    assert not {"repository", "launch_buttons"} & set(CONFIG)
    assert CONFIG["only_build_toc_files"] is True
    assert CONFIG["execute"]["execute_notebooks"] == "cache"


def test_package_key_follows_all_that_outputs_depend_on(tmp_path: Path) -> None:
    (tmp_path / "algan_lite" / "__pycache__").mkdir(parents=True)
    module, pins = tmp_path / "algan_lite" / "data.py", tmp_path / "requirements.txt"
    module.write_text("a = 1\n")
    pins.write_text("torch==2\n")
    keys = [package_key(tmp_path, {}), package_key(tmp_path, {"ALGAN_LITE_PROFILE": "full"})]
    (tmp_path / "algan_lite" / "__pycache__" / "data.pyc").write_text("noise")
    assert package_key(tmp_path, {"HOME": "elsewhere"}) == keys[0]
    module.write_text("a = 2\n")
    keys.append(package_key(tmp_path, {}))
    pins.write_text("torch==3\n")
    keys.append(package_key(tmp_path, {}))
    module.rename(module.with_name("sources.py"))
    keys.append(package_key(tmp_path, {}))
    assert len(set(keys)) == len(keys)


def test_fresh_cache_keeps_its_own_and_drops_the_others(tmp_path: Path) -> None:
    old, kept = fresh_cache("old", tmp_path), tmp_path / "new" / "entry"
    fresh_cache("new", tmp_path)
    kept.touch()
    fresh_cache("new", tmp_path)
    assert kept.exists()
    assert not old.exists()


def test_pages_that_are_missing_or_show_a_traceback_are_found(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text("<p>fine</p>")
    (tmp_path / "bad.html").write_text("<pre>Traceback (most recent call last)</pre>")
    wrong = [title for title, found in page_findings(tmp_path, ["good", "bad", "lost"]) if found]
    assert wrong == ["bad: no traceback", "lost: the page exists"]


# The texts


def test_readme_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = code_blocks("python")
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})


def test_readme_example_has_ten_lines() -> None:
    assert sum(bool(line.strip()) for line in code_blocks("python")[0].splitlines()) <= 10


def test_readme_commands_are_targets_and_links_are_files() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"(?:^|`|&& )make ([a-z]+)", text, flags=re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", prose):
            assert (ROOT / link).is_file(), link


def test_one_version_everywhere() -> None:
    import algan_lite

    assert algan_lite.__version__ == version()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == version()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"algan_lite-([\d.]+)-py3", readme) == [version()]


def test_dependencies_are_open_pinned_for_the_book_and_on_colab() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins)
    pinned = {line.split("==")[0].lower(): line.split("==")[1] for line in pins}
    assert len(pinned) == len(pins)
    names = [re.split(r"[<>=!~ ]", dependency)[0] for dependency in PYPROJECT["project"]["dependencies"]]
    assert set(names) <= set(COLAB)
    assert set(names) <= set(pinned)
    assert not any("==" in dependency or "<" in dependency for dependency in PYPROJECT["project"]["dependencies"])
    assert pinned["jupyter-book"] == "1.0.4.post1"  # 2.x reads neither _config.yml nor _toc.yml


def test_lock_files_hold_every_pin_with_hashes_and_nothing_else_but_for_other_platforms() -> None:
    locked = {path.stem: entries(path.read_text(encoding="utf-8")) for path in LOCKS.glob("*.txt")}
    assert set(locked) == {"everything", "torch-cpu", "torch-cuda"}
    for text in (text for found in locked.values() for text in found.values()):
        assert re.match(r"[\w.-]+==[\w.+]+( ;[^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+\Z", text), text
    plain = {name.replace("_", "-").lower(): text for name, text in locked["everything"].items()}
    pins = re.findall(r"^([\w.-]+)==([\w.]+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    for name, pin in pins:
        text = plain.pop(re.sub(r"[_.]", "-", name).lower())
        assert re.match(rf"[\w.-]+=={re.escape(pin)}(?: ;[^\\]*)? \\", text), f"{name}: run `make lock`"
    assert all(" ; " in text for text in plain.values())  # what another platform or Python brings along
    assert all("sys_platform == 'linux'" in text for text in locked["torch-cuda"].values())
    assert list(locked["torch-cpu"]) == ["torch"]
    assert f"torch=={dict(pins)['torch']}+cpu " in locked["torch-cpu"]["torch"]


def test_a_lock_is_split_by_what_pytorch_needs() -> None:
    digest = "    --hash=sha256:" + "0" * 64
    uv = f"numpy==2 \\\n{digest}\nnvidia-nccl==1 ; sys_platform == 'linux' \\\n{digest}\ntorch==2.13.0 \\\n{digest}\n"
    found = split(uv)
    assert found["everything"] == f"numpy==2 \\\n{digest}\ntorch==2.13.0 \\\n{digest}\n"
    assert found["torch-cuda"].startswith("nvidia-nccl==1 ; sys_platform == 'linux'")
    assert found["torch-cpu"].count("--hash=sha256:") == 3
    with pytest.raises(KeyError, match=r"2\.14\.0"):
        split(uv.replace("2.13.0", "2.14.0"))


def test_actions_are_pinned_by_commit() -> None:
    used = re.findall(r"uses: (.+)", "".join(path.read_text() for path in (ROOT / ".github").rglob("*.yml")))
    assert len(used) >= 6
    assert not [line for line in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)]


def test_notebooks_use_the_plain_python_kernel() -> None:
    for path in NOTEBOOKS:
        kernel = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("kernelspec", {})
        assert kernel.get("name") == "python3", path.name
