"""Finds which photographs belong together because they were made from the same ones."""

from collections.abc import Iterable

__all__ = ["group_by_source"]


def group_by_source(members: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """Return each member's group: members that share a source, or are linked by others that do, are in one.

    >>> group_by_source([("a", ["x"]), ("b", ["x", "y"]), ("c", ["y"]), ("d", ["z"])])
    {'a': 'x', 'b': 'x', 'c': 'x', 'd': 'z'}
    """
    parent: dict[str, str] = {}

    def root(source: str) -> str:
        while parent.setdefault(source, source) != source:
            parent[source] = parent[parent[source]]
            source = parent[source]
        return source

    known = [(name, list(sources)) for name, sources in members]
    for _, sources in known:
        for source in sources[1:]:
            first, second = sorted((root(sources[0]), root(source)))
            parent[second] = first
    return {name: root(sources[0]) for name, sources in known}
