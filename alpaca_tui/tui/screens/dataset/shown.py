"""Foreign text in an editor: what has power over a terminal, or would end a line there, is shown as a sign and
is what it was again when the text is read back. Knows no widget."""

from __future__ import annotations

import re

# Controls but tab and newline, line and paragraph separators, direction overrides, byte-order marks, lone
# halves of surrogates: `text.visible` shows the same.
_POWERFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_PRIVATE = 0xE000


class Shown:
    """A text as an editor may hold it, and the way back."""

    def __init__(self, text: str) -> None:
        self._back: dict[int, str] = {}
        signs: dict[int, str] = {}
        for sign in dict.fromkeys(_POWERFUL.findall(text)):
            code = ord(sign)
            stand_in = chr(0x2400 + code) if code < 0x20 else ""
            free = _PRIVATE
            while not stand_in or stand_in in text or ord(stand_in) in self._back:
                stand_in = chr(free)
                free += 1
            signs[code] = stand_in
            self._back[ord(stand_in)] = sign
        self.text = text.translate(signs)

    def read(self, edited: str) -> str:
        """What the person left, with every sign the character it stood for."""
        return edited.translate(self._back)
