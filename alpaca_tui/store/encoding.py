"""Text and JSON on their way into the store: what cannot be stored is mended, what must not be is refused.

SQLite text is UTF-8. NUL and every other control character go in and come back unchanged. Lone
surrogates, which a server can send as a JSON escape, have no UTF-8 form: two halves that a server split
over two chunks are joined into the character they mean, any other becomes U+FFFD. Whatever judges text
before it is stored should pass it through `storable` first, so that it judges what a replay will read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import SecretBytes, SecretStr

_SECRET_NAME = re.compile(
    r"(^|_)(api_?keys?|secrets?|passwords?|passwd|authorization|credentials?|bearer)(_|$)|(access|auth|api|hf)_?token$"
)
_SECRET_VALUE = re.compile(r"\bsk-[A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{20,}")
_URL_USER = re.compile(r"(?<=://)[^/\s@]+@")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


AMONG = "(SELECT value FROM json_each(?))"
"""What follows `IN` where the ids are one value, an `id_list`: any number of them, and one statement for all."""


def id_list(ids: Sequence[int]) -> str:
    """Ids as the value that `AMONG` takes."""
    return f"[{','.join(map(str, ids))}]"


def storable(text: str) -> str:
    """`text` with surrogates joined or replaced; almost always `text` itself."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def dump(value: object) -> str:
    """Compact JSON, storable."""
    return storable(_ENCODER.encode(value))


def load_object(text: str | None) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(text)) if text else {}


def load_top(text: str | None) -> tuple[tuple[str, float], ...]:
    if not text:
        return ()
    pairs = cast(list[tuple[str, float]], json.loads(text))
    return tuple((key, score) for key, score in pairs)


def without_credentials(text: str) -> str:
    """`text` with a URL's user and password, and anything shaped like a provider's key, blotted out."""
    return _SECRET_VALUE.sub("***", _URL_USER.sub("***@", text))


def public(value: object, path: str = "config", *, mend: bool = True) -> object:
    """`value` (JSON-like) fit to be stored for ever: a last line of defence against secrets.

    Raises ValueError for a pydantic secret or a non-empty field named like one: that is a bug of the
    caller. Credentials inside string values (a URL the user typed) are blotted out, unless `mend` is
    off: a prompt is stored as it was sent.
    """
    if isinstance(value, SecretStr | SecretBytes):
        raise ValueError(f"{path} is a secret and must not be stored")
    if isinstance(value, str):
        return without_credentials(value) if mend else value
    if isinstance(value, Mapping):
        clean: dict[str, object] = {}
        for key, item in cast(Mapping[object, object], value).items():
            name = str(key)
            if item and _SECRET_NAME.search(name.lower().replace("-", "_")):
                raise ValueError(f"{path}.{name} looks like a secret and must not be stored")
            clean[name] = public(item, f"{path}.{name}", mend=mend)
        return clean
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        items = cast(Sequence[object], value)
        return [public(item, f"{path}[{index}]", mend=mend) for index, item in enumerate(items)]
    return value
