import re
import subprocess
import sys
from pathlib import Path

import pytest

import tamperscope

ROOT = Path(__file__).parent.parent


def test_all_is_sorted_and_every_name_can_be_had() -> None:
    # As ruff sorts: classes before dunder names and functions.
    assert len(set(tamperscope.__all__)) == len(tamperscope.__all__)
    for name in tamperscope.__all__:
        assert getattr(tamperscope, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        tamperscope.nonsense  # noqa: B018


def test_importing_costs_nothing_and_analysis_needs_no_torch() -> None:
    code = (
        "import sys, tamperscope; before = {'numpy', 'scipy', 'cv2', 'PIL', 'torch'} & set(sys.modules);"
        "import tamperscope.cli, tamperscope.scanning.batch, tamperscope.detectors.auto;"
        "print(sorted(before), 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[] False"


def test_the_version_has_one_home() -> None:
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+", tamperscope.__version__)


def test_the_readme_example_runs_in_five_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(example.strip().splitlines()) == 5
    (folder / "photo.jpg").write_bytes((folder / "forged.jpg").read_bytes())
    (folder / "photos").mkdir()
    (folder / "photos" / "one.png").write_bytes((folder / "plain.png").read_bytes())
    monkeypatch.chdir(folder)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102  our own text
    printed = capsys.readouterr().out
    assert "1." in printed or "0." in printed
    assert "one.png" in printed
