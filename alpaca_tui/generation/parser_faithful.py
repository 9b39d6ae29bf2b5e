r"""The parsing rules of the 2023 Stanford Alpaca release, flaws included, for comparison.

Source of the rules: `post_process_gpt3_response` of tatsu-lab/stanford_alpaca (generate_instruction.py).
They are kept to the letter because published data was made by them; what they lose (one markdown
heading loses every later task of the answer) is why `parser_tolerant` is the default. The filters that
stood in the same function live in `filters`. Knows no state and no other parser.
"""

from __future__ import annotations

import re

from alpaca_tui.generation.task import Task


def parse_faithful(text: str, k: int, finish_reason: str) -> list[Task]:
    r"""Tasks of the continuation `text` of a prompt that showed k examples and ended `k+1. Instruction:`.

    The label is put back and the text split on `###` wherever it stands; the last piece is dropped when
    `finish_reason` is "length". Piece i, split on `N\.\s+(Instruction|Input|Output):` with N = k+1+i
    (not anchored: N = 4 is also found in `14. Input:`), must give 7 parts, whose third, fifth and seventh
    are instruction, input and output whatever the labels say; any other piece is dropped. Fields are
    stripped; an input `<noinput>` in any case is empty.
    """
    pieces = f"{k + 1}. Instruction:{text}".split("###")
    tasks: list[Task] = []
    for number, piece in enumerate(pieces, start=k + 1):
        if finish_reason == "length" and number == k + len(pieces):
            continue
        parts = re.split(rf"{number}\.\s+(Instruction|Input|Output):", piece)
        if len(parts) != 7:
            continue
        instruction, given, output = (part.strip() for part in parts[2::2])
        tasks.append(Task(number, instruction, "" if given.lower() == "<noinput>" else given, output))
    return tasks


def strip_leading_header(text: str, k: int) -> str:
    """`text` without a leading `k+1. Instruction:` (and a `###` line before it), as chat answers write it.

    What is left is the continuation `parse_faithful` expects; any other text comes back unchanged.
    """
    header = re.match(rf"\s*(?:###\s*)?{k + 1}\.\s*Instruction:", text)
    return text[header.end() :] if header else text
