import inspect
import pickle

import pytest

from tamperscope import errors
from tamperscope.errors import TamperscopeError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_in_the_tree_and_survives_a_process_boundary(kind: type[TamperscopeError]) -> None:
    assert kind.__name__ in errors.__all__
    assert kind.__name__ in (errors.__doc__ or "")
    error = pickle.loads(pickle.dumps(kind("wrong", "do this", "photo.jpg")))  # noqa: S301  our own bytes
    assert isinstance(error, TamperscopeError)
    assert type(error) is kind
    assert str(error) == "photo.jpg: wrong; do this"


def test_a_file_is_named_once() -> None:
    assert str(TamperscopeError("wrong").at("a.jpg")) == "a.jpg: wrong"
    assert str(TamperscopeError("wrong", source="b.jpg").at("a.jpg")) == "b.jpg: wrong"
