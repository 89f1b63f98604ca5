"""The guide's reference says what the data sets' cards say."""

from pathlib import Path

from tamperscope import plugins
from tamperscope.datasets import Source

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "datasets.md"


def row(name: str, card: Source) -> str:
    counts = " / ".join("?" if count is None else str(count) for count in (card.manipulated, card.pristine))
    return f"| `{name}` | [{card.title}]({card.url}) | {counts} | {card.terms} |"


def test_every_published_set_is_in_the_table_with_its_faults() -> None:
    published = {name: plugins.load("datasets", name).card for name in plugins.names("datasets", own=True)}
    published = {name: card for name, card in published.items() if card.url.startswith("http")}
    table = "\n".join(row(name, card) for name, card in published.items())
    faults = "\n".join(f"- `{name}`: {fault}." for name, card in published.items() for fault in card.faults)
    guide = GUIDE.read_text(encoding="utf-8")
    assert table in guide, f"put this into {GUIDE.name}:\n{table}"
    assert faults in guide, f"put this into {GUIDE.name}:\n{faults}"
