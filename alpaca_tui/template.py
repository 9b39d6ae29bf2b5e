"""The Alpaca prompt (Stanford Alpaca, 2023), both forms; nothing else in the program formats it.

Training, chat, the web demo and evaluation all call `render`, so a model always meets the text it was
trained on. Knows no tokenizer and no screen.
"""

from __future__ import annotations

WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
)
WITHOUT_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)


def render(instruction: str, input: str = "") -> str:
    """The prompt for one example; the with-input form whenever `input != ""`.

    The response follows directly after `### Response:`: no newline or space is part of the prompt.
    """
    form = WITH_INPUT if input != "" else WITHOUT_INPUT
    head, tail = form.split("{instruction}")
    return head + instruction + tail.replace("{input}", input, 1)
