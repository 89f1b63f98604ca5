import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["scripts/tamperscope", "scripts/test", "scripts/check", ".ci/run"])
def test_scripts_can_be_run_and_are_well_formed(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    for command in ("scripts/tamperscope scan", "scripts/tamperscope demo", "scripts/test"):
        assert command in text


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
