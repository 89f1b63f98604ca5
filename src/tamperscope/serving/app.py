"""The service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles

from tamperscope import __version__
from tamperscope.serving import api, pages
from tamperscope.serving.crew import Crew
from tamperscope.serving.desk import Desk
from tamperscope.serving.guard import Guard
from tamperscope.serving.meters import Meters
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import open_store

__all__ = ["build"]


def build(settings: Settings) -> FastAPI:
    """Return the application; its workers start and stop with it.

    Raises:
        InvalidParameter, OutputError: the database or the folder cannot be used.

    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(settings.url)
    crew = Crew(settings, store)
    meters = Meters(store, crew)
    counter = Desk(settings, store, meters)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        crew.start()
        try:
            yield
        finally:
            counter.close()
            await run_in_threadpool(crew.stop)

    app = FastAPI(
        title="Tamperscope",
        summary="Finds where a photograph was edited.",
        version=__version__,
        lifespan=life,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.desk = counter
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=str(files("tamperscope.serving") / "static")), "static")
    pages.explain_problems(app)
    app.add_middleware(Guard, settings=settings, meters=meters, page=pages.of_problem)
    return app
