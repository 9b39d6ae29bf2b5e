"""Every rule with its severity and its explanation, in the order they are listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of defect. title: short, for a list; explanation: what it is, why it harms a model, what to do.
    fixable: there is a safe fix for at least some of its findings."""

    id: str
    severity: Severity
    title: str
    explanation: str
    fixable: bool = False


_RULES = (
    Rule(
        "empty-output",
        "error",
        "Empty output",
        "There is no answer. A model trained on it learns to say nothing. Write the answer, ask the teacher "
        "for one, or reject the row.",
    ),
    Rule(
        "task-marker",
        "error",
        "Markers of the task format in a text",
        "The words that set tasks apart (### , Instruction:, Input:, Output:) stand inside a text: two tasks "
        "were run together, or a marker was left over. The model would learn to write them. Split the row, or "
        "cut the marker.",
        fixable=True,
    ),
    Rule(
        "bad-field",
        "error",
        "A field is missing or no text",
        "A row needs an instruction and an output, both texts. Rows of a file without them cannot be taken; a "
        "row here without an instruction cannot be trained on. Write one, or reject the row.",
    ),
    Rule(
        "control-char",
        "error",
        "Control or invisible characters",
        "Characters that cannot be seen: they cost tokens, break searches and can act on a terminal. The fix "
        "takes them out; line ends of other systems become newlines.",
        fixable=True,
    ),
    Rule(
        "literal-escape",
        "error",
        "Escape sequences written out",
        "A backslash and a letter (\\n, \\t, \\u00e9) stand where a character was meant: the text was escaped "
        "once too often. The fix writes the character.",
        fixable=True,
    ),
    Rule(
        "mojibake",
        "error",
        "Text decoded with the wrong encoding",
        "UTF-8 was read as Windows-1252 or Latin-1 (Ã© for é, â€™ for ’). The fix reads it again the right way.",
        fixable=True,
    ),
    Rule(
        "exact-duplicate",
        "error",
        "The same row again",
        "An earlier row has the same instruction, input and output. Twice the same example is twice its weight. "
        "Delete one.",
    ),
    Rule(
        "output-echo",
        "error",
        "The output repeats the prompt",
        "The output is the instruction or the input again, word for word. The model would learn to repeat its "
        "prompt. Write a real answer or reject the row.",
    ),
    Rule(
        "noinput-text",
        "warning",
        '"No input" written as text',
        'The input says in words that there is none ("noinput", "No input", "<noinput>"). Rows without input '
        "have an empty input, and another prompt. The fix empties it.",
        fixable=True,
    ),
    Rule(
        "na-output",
        "warning",
        "The output says there is none",
        'The output is "N/A", "None", "<No Output>" or the like: no answer. Write one or reject the row.',
    ),
    Rule(
        "url-only-input",
        "warning",
        "The input is only a link",
        "The model cannot open a link: the output was made up. Put the text itself into the input, or reject the row.",
    ),
    Rule(
        "missing-attachment",
        "warning",
        "It speaks of something that is not there",
        "The instruction speaks of an attached, above or following text, and there is no input. The output was "
        "made up. Add the text, or reject the row.",
    ),
    Rule(
        "cut-off",
        "warning",
        "The output stops too early",
        "The output ends in the middle of a sentence or announces something that does not follow. The model would "
        "learn to stop there. Complete it, ask the teacher, or reject the row.",
    ),
    Rule(
        "open-fence",
        "warning",
        "A code block is not closed",
        "A ``` opens a block of code and nothing closes it. The fix closes it at the end.",
        fixable=True,
    ),
    Rule(
        "impossible-action",
        "warning",
        "It asks for what a language model cannot do",
        "The instruction asks for a picture, a sound, a film, or an action of an app or a device. A text model "
        "can only pretend. Reword it or reject the row.",
    ),
    Rule(
        "placeholder",
        "warning",
        "A placeholder was left in",
        "Something that was to be filled in ([Name], lorem ipsum, XXX) stands in the output. Fill it in, or "
        "reject the row.",
    ),
    Rule(
        "refusal",
        "warning",
        "The teacher refused",
        'The output refuses or speaks of itself as a language model ("As an AI…"). The model would learn to '
        "refuse. Write an answer, or reject the row.",
    ),
    Rule(
        "conflicting-output",
        "warning",
        "The same prompt with different outputs",
        "Other rows have the same instruction and input, and another output. Where both are right that is "
        "variety; where they contradict each other it is noise. Keep the better one.",
    ),
    Rule(
        "repeats-input",
        "warning",
        "The instruction holds its own input",
        "The input stands, word for word, in the instruction too: it costs tokens twice. The fix takes it out "
        "of the input where the instruction is complete with it.",
        fixable=True,
    ),
    Rule(
        "language",
        "warning",
        "Another language than the dataset's",
        "The output is in another language than the rest of the dataset, and the task does not ask for it.",
    ),
    Rule(
        "too-long",
        "warning",
        "Longer than the model's maximum",
        "As it is trained on, the row has more tokens than the model's maximum: its end would be cut off. "
        "Shorten it, or raise the maximum.",
    ),
    Rule(
        "arithmetic",
        "info",
        "A calculation seems wrong",
        "The calculation was done again and gave another value. Check it; the right value is offered.",
        fixable=True,
    ),
    Rule(
        "personal-data",
        "info",
        "Possible personal data",
        "What looks like an e-mail address, a telephone, card or account number of a person. Made-up ones are "
        "fine; real ones must not be trained on.",
    ),
    Rule(
        "leakage",
        "info",
        "The prompt is in a seed or an evaluation suite",
        "The same prompt is a seed task or belongs to an evaluation suite: results on that suite would be too "
        "good. Leave the row out when you measure on it.",
    ),
)
RULES: Mapping[str, Rule] = {rule.id: rule for rule in _RULES}
