"""From a URI to a store and a path.

Local files are named as ``file://`` with percent escapes, so that any name can be told; all others as
``scheme://bucket/key``, the key as it is.
"""

import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pyarrow as pa
from pyarrow import fs

from tamperscope.cluster.remotes import Foreign, Objects, Remote
from tamperscope.cluster.stores import Local, Store, reason
from tamperscope.errors import InvalidParameter
from tamperscope.io.paths import clipped, display

__all__ = ["locate"]

_OBJECT_STORES = frozenset(["s3", "gs", "gcs", "abfs", "abfss"])  # pyarrow's own; fsspec has the others
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]+")
_PASSWORD = re.compile(r"[^/@]*:(?!\d*/)[^@]*@")  # after a colon that begins no port; it may hold a slash


def locate(uri: str) -> tuple[Store, str]:
    """Return the store of a URI or local path, and the path in it.

    Raises:
        InvalidParameter: no file system is known for it, or it cannot be reached.

    """
    scheme, mark, rest = uri.partition("://")
    if not mark or not _SCHEME.fullmatch(scheme):
        return _local(), Path(os.path.abspath(uri)).as_posix()  # noqa: PTH100  ".." goes, links stay
    if scheme.lower() == "file":
        path = os.fsdecode(unquote_to_bytes("/" + rest.partition("/")[2]))
        return _local(), Path(os.path.abspath(path)).as_posix()  # noqa: PTH100  as above
    if _PASSWORD.match(rest):  # it would stand in every row
        raise InvalidParameter(
            "a password in a URI", "give it as the store's own tools take it: environment or configuration"
        )
    host, _, path = rest.partition("/")
    store = _connect(scheme.lower(), host)
    return store, f"{store.base}/{path}".rstrip("/")


@lru_cache(maxsize=1)
def _local() -> Local:
    return Local()


@lru_cache(maxsize=64)
def _connect(scheme: str, host: str) -> Remote:
    prefix = f"{scheme}://{host}"
    try:
        if scheme in _OBJECT_STORES:
            return _objects(scheme, prefix)
        import fsspec

        # Its cache of listings would grow with the collection.
        system, base = fsspec.core.url_to_fs(f"{prefix}/", use_listings_cache=False)
    except Exception as error:  # each file system has errors of its own
        raise InvalidParameter(
            f"{display(clipped(prefix, 200))} cannot be reached ({reason(error)})",
            "check the name, the rights and the network",
        ) from error
    return Foreign(prefix, base, system)


def _objects(scheme: str, prefix: str) -> Objects:
    if scheme == "s3":
        with suppress(pa.ArrowInvalid):  # of pyarrow before 19, which takes three requests for what one does
            system, base = fs.FileSystem.from_uri(f"{prefix}?allow_delayed_open=true")
            return Objects(prefix, base, system)
    system, base = fs.FileSystem.from_uri(prefix)
    return Objects(prefix, base, system)
