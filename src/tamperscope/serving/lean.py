"""Forms that people and programs send."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

__all__ = ["Lean"]

_FIELDS, _LONGEST = 100, 2000  # beside photographs, and bytes of each: a form's fields are kept in memory


class Lean(APIRoute):
    """A route whose form has few and short fields beside its photographs."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def lean(request: Request) -> Response:
            return await answer(_Lean(request.scope, request.receive))

        return lean


class _Lean(Request):
    def form(self, **_: Any) -> Any:
        return super().form(max_fields=_FIELDS, max_part_size=_LONGEST)
