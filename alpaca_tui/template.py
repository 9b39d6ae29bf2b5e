"""The Alpaca prompt (Stanford Alpaca, 2023), both forms; nothing else in the program formats it.

Training, chat, the web demo and evaluation all call `render`, so a model always meets the text it was
trained on. Knows no tokenizer and no screen.
"""

from __future__ import annotations

import hashlib

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


_MARKER = "\n\n### Input:\n"


def render(instruction: str, input: str = "") -> str:
    """The prompt for one example; the with-input form whenever `input != ""`.

    The response follows directly after `### Response:`: no newline or space is part of the prompt.
    """
    form = WITH_INPUT if input != "" else WITHOUT_INPUT
    head, tail = form.split("{instruction}")
    return head + instruction + tail.replace("{input}", input, 1)


def chat_message(instruction: str, input: str = "") -> str:
    """The one user message that `chat_template` makes the same prompt of."""
    return instruction if input == "" else instruction + _MARKER + input


def chat_template(*, writes_start: bool) -> str:
    """The prompt as a tokenizer's Jinja chat template, for servers that format it themselves: a user message is
    `chat_message`, an assistant's follows directly and ends with the end token. writes_start: the tokenizer puts
    a start token before a text. Other roles are left out: the model has seen none.

    An instruction without input that holds the marker itself gets the other form: a message does not tell.
    """
    start = "{{ bos_token }}" if writes_start else ""
    with_input, without = (form.partition("{instruction}")[0] for form in (WITH_INPUT, WITHOUT_INPUT))
    return (
        f"{start}{{% for message in messages %}}"
        "{% if message['role'] == 'user' %}"
        f"{{{{ {_quoted(with_input)} if {_quoted(_MARKER)} in message['content'] else {_quoted(without)} }}}}"
        f"{{{{ message['content'] }}}}{{{{ {_quoted(WITHOUT_INPUT.rpartition('}')[2])} }}}}"
        "{% elif message['role'] == 'assistant' %}"
        "{{ message['content'] }}{{ eos_token }}"
        "{% endif %}{% endfor %}"
    )


def _quoted(text: str) -> str:
    """As a Jinja string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def prompt_hash() -> str:
    """16 hexadecimal digits of both forms' sha256: what a run was trained with."""
    return hashlib.sha256((WITH_INPUT + "\0" + WITHOUT_INPUT).encode()).hexdigest()[:16]
