"""Answers as teachers really write them, each with what the two parsers must make of it.

`faithful` is what the rules of the 2023 release imply, worked out by hand; `tolerant` is what the teacher
meant. Every text goes on from `4. Instruction:` (three examples were shown) unless it starts with a
header itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from alpaca_tui.generation.parser import Task

K = 3


@dataclass(frozen=True)
class HardCase:
    name: str
    text: str
    tolerant: list[Task]
    faithful: list[Task] = field(default_factory=list)
    finish_reason: str = "stop"


def task(
    number: int | None, instruction: str, output: str, given: str = "", *, truncated: bool = False
) -> Task:
    return Task(number, instruction, given, output, truncated)


BREAD = task(4, "Explain why bread rises.", "Yeast makes gas, and gluten holds it.")
SORT = task(5, "Sort the numbers.", "1, 2, 3", "3, 1, 2")
HAIKU = task(
    6,
    "Write a haiku about rain.",
    "Rain on the tin roof\ncounts what the summer forgot\nand then starts again",
)
CAPITAL = task(7, "Name the capital of Peru.", "Lima")


def written(*tasks: Task, separator: str = "###") -> str:
    """`tasks` in the format that was asked for, as a continuation: without the first header."""
    blocks = [
        f"{each.number}. Instruction: {each.instruction}\n{each.number}. Input:\n{each.input or '<noinput>'}\n"
        f"{each.number}. Output:\n{each.output}\n"
        for each in tasks
    ]
    whole = (separator + "\n" if separator else "").join(blocks)
    return whole.removeprefix(f"{tasks[0].number}. Instruction:")


HEADING = task(
    5, "Describe the water cycle.", "### Evaporation\nThe sun warms the sea.\n### Rain\nClouds let go."
)
FENCE = task(
    5,
    "Show a shell comment block.",
    "```sh\n###\n# backup\n###\n6. Instruction: not a task\n###\n6. Output:\nstill code\n```",
    "a backup script",
)
OPEN_FENCE = task(5, "Print a greeting in Python.", '```python\nprint("hi")')
LABELS_INSIDE = task(
    5,
    "Invent an example for a translator.",
    "Instruction: Translate.\nInput: chien\nOutput: dog",
    "Input: any",
)
STEPS = task(5, "List the steps.", "\n".join(f"{n}. Instruction: fold once more" for n in range(1, 8)))
TWENTY = task(5, "Add 12 and 8.", "The sum is\n20. Check it with your fingers.\n20.")

CASES: list[HardCase] = [
    HardCase(
        "well formed",
        written(BREAD, SORT, HAIKU),
        [BREAD, SORT, HAIKU],
        [BREAD, SORT, HAIKU],
    ),
    HardCase(
        "a markdown heading in an output loses every later task",
        written(BREAD, HEADING, HAIKU, CAPITAL),
        [BREAD, HEADING, HAIKU, CAPITAL],
        # Pieces: 4, 5 (output cut to nothing), " Evaporation…" as 6, " Rain…" as 7, task 6 as 8, task 7 as 9.
        [BREAD, task(5, "Describe the water cycle.", "")],
    ),
    HardCase(
        "`##` instead of `###` merges two tasks",
        written(BREAD, SORT, separator="##") + "###\n" + "6. Instruction:" + written(HAIKU),
        [BREAD, SORT, HAIKU],
        # Piece 0 holds tasks 4 and 5, split on 4's labels only; task 6 is then piece 1, read as number 5.
        [
            task(
                4,
                BREAD.instruction,
                BREAD.output
                + "\n##\n5. Instruction: Sort the numbers.\n5. Input:\n3, 1, 2\n5. Output:\n1, 2, 3",
            )
        ],
    ),
    HardCase(
        "no separators at all",
        written(BREAD, SORT, HAIKU, separator=""),
        [BREAD, SORT, HAIKU],
        [
            task(
                4,
                BREAD.instruction,
                BREAD.output
                + "\n5. Instruction: Sort the numbers.\n5. Input:\n3, 1, 2\n5. Output:\n1, 2, 3"
                + "\n6. Instruction: Write a haiku about rain.\n6. Input:\n<noinput>\n6. Output:\n"
                + HAIKU.output,
            )
        ],
    ),
    HardCase(
        "other spellings of no input",
        " A task?\n4. Input: <NoInput>\n4. Output: yes\n###\n5. Instruction: Another task?\n5. Input:\nNo input\n"
        "5. Output:\nyes\n###\n6. Instruction: A third?\n6. Input:\nnoinput\n6. Output:\nyes\n###\n"
        "7. Instruction: A fourth?\n7. Input:\nN/A\n7. Output:\nyes\n###\n"
        "8. Instruction: A fifth?\n8. Input:\n(no input)\n8. Output:\nyes\n",
        [
            task(4, "A task?", "yes"),
            task(5, "Another task?", "yes"),
            task(6, "A third?", "yes"),
            task(7, "A fourth?", "yes"),
            task(8, "A fifth?", "yes"),
        ],
        [
            task(4, "A task?", "yes"),
            task(5, "Another task?", "yes", "No input"),
            task(6, "A third?", "yes", "noinput"),
            task(7, "A fourth?", "yes", "N/A"),
            task(8, "A fifth?", "yes", "(no input)"),
        ],
    ),
    HardCase(
        "numbers in the text that look like the end: 20.",
        written(BREAD, TWENTY, HAIKU),
        [BREAD, TWENTY, HAIKU],
        [BREAD, TWENTY, HAIKU],
    ),
    HardCase(
        "the stop string `20.` cut the answer and it looks finished",
        " Add 12 and 8.\n4. Input:\n<noinput>\n4. Output:\nThe total is $",
        [task(4, "Add 12 and 8.", "The total is $")],
        [task(4, "Add 12 and 8.", "The total is $")],
    ),
    HardCase(
        "one number is used twice",
        written(BREAD, SORT) + "###\n5. Instruction:" + written(task(5, "Count to two.", "1, 2")),
        [BREAD, SORT, task(5, "Count to two.", "1, 2")],
        [BREAD, SORT],
    ),
    HardCase(
        "numbering starts again at 1",
        written(BREAD)
        + "###\n1. Instruction:"
        + written(task(1, "Count to two.", "1, 2"), task(2, "Count to one.", "1")),
        [BREAD, task(1, "Count to two.", "1, 2"), task(2, "Count to one.", "1")],
        [BREAD],
    ),
    HardCase(
        "numbering starts again at 1, without separators",
        written(BREAD, SORT, separator="")
        + "1. Instruction:"
        + written(task(1, "Count to two.", "1, 2"), task(2, "Count to one.", "1"), separator=""),
        [BREAD, SORT, task(1, "Count to two.", "1, 2"), task(2, "Count to one.", "1")],
        [
            task(
                4,
                BREAD.instruction,
                BREAD.output
                + "\n5. Instruction: Sort the numbers.\n5. Input:\n3, 1, 2\n5. Output:\n1, 2, 3"
                + "\n1. Instruction: Count to two.\n1. Input:\n<noinput>\n1. Output:\n1, 2"
                + "\n2. Instruction: Count to one.\n2. Input:\n<noinput>\n2. Output:\n1",
            )
        ],
    ),
    HardCase(
        "a number is left out",
        written(BREAD, HAIKU),
        [BREAD, HAIKU],
        [BREAD],
    ),
    HardCase(
        "the numbers of the labels disagree",
        " Explain.\n5. Input:\nx\n6. Output:\ny\n###\n7. Instruction: Sort.\n8. Input:\nz\n9. Output:\nw\n",
        [task(4, "Explain.", "y", "x"), task(7, "Sort.", "w", "z")],
        [],
    ),
    HardCase(
        "labels without numbers",
        " Explain.\nInput: x\nOutput: y\n###\nInstruction: Sort.\nInput: z\nOutput: w\n",
        [task(4, "Explain.", "y", "x"), task(None, "Sort.", "w", "z")],
        [],
    ),
    HardCase(
        "a wrong label in the middle: faithful counts the pieces and so does tolerant",
        " Explain.\n4. Output:\nx\n4. Output:\ny\n###\n5. Instruction: Sort.\n5. Instruction:\nz\n5. Output:\nw\n",
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w", "z")],
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w", "z")],
    ),
    HardCase(
        "input and output in the wrong order: faithful swaps them",
        " Explain.\n4. Output:\ny\n4. Input:\nx\n###\n5. Instruction: Sort.\n5. Input:\nz\n5. Output:\nw\n",
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w", "z")],
        [task(4, "Explain.", "x", "y"), task(5, "Sort.", "w", "z")],
    ),
    HardCase(
        "no input label",
        " Explain.\n4. Output:\ny\n###\n5. Instruction: Sort.\n5. Output: w\n",
        [task(4, "Explain.", "y"), task(5, "Sort.", "w")],
        [],
    ),
    HardCase(
        "lower-case labels, brackets and hashes",
        " Explain.\n4) input: x\n4) output: y\n###\n### 5. instruction: Sort.\n**5. Input:** z\n**5. Output:** w\n"
        "###\nInstruction 6: Count.\nInput 6: q\nOutput 6: r\n",
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w", "z"), task(6, "Count.", "r", "q")],
        [],
    ),
    HardCase(
        "a code fence holds separators and headers",
        written(BREAD, FENCE, HAIKU),
        [BREAD, FENCE, HAIKU],
        # Task 5 is cut at its first ### (output "```sh"). Piece 3, read as 7, and the rest do not fit.
        [BREAD, task(5, "Show a shell comment block.", "```sh", "a backup script")],
    ),
    HardCase(
        "a code fence is never closed",
        written(BREAD, OPEN_FENCE, HAIKU, CAPITAL),
        [BREAD, OPEN_FENCE, HAIKU, CAPITAL],
        [BREAD, OPEN_FENCE, HAIKU, CAPITAL],
    ),
    HardCase(
        "a code fence is never closed and a later task has a whole one",
        written(BREAD, OPEN_FENCE, task(6, "Print two.", "```\nprint(2)\n```"), CAPITAL),
        [BREAD, OPEN_FENCE, task(6, "Print two.", "```\nprint(2)\n```"), CAPITAL],
        [BREAD, OPEN_FENCE, task(6, "Print two.", "```\nprint(2)\n```"), CAPITAL],
    ),
    HardCase(
        "unnumbered labels inside fields are text",
        written(BREAD, LABELS_INSIDE, HAIKU),
        [BREAD, LABELS_INSIDE, HAIKU],
        [BREAD, LABELS_INSIDE, HAIKU],
    ),
    HardCase(
        "a list of numbered instructions inside an output is text",
        written(BREAD, STEPS, HAIKU),
        [BREAD, STEPS, HAIKU],
        # "5. Instruction:" stands in task 5 twice: nine parts.
        [BREAD, HAIKU],
    ),
    HardCase(
        "a lone ### line inside an output is text",
        written(BREAD, task(5, "Show a rule.", "above\n###\nbelow"), HAIKU),
        [BREAD, task(5, "Show a rule.", "above\n###\nbelow"), HAIKU],
        # "below" is piece 2, so task 6 is read as 7.
        [BREAD, task(5, "Show a rule.", "above")],
    ),
    HardCase(
        "the number is found inside a larger one (not anchored)",
        written(task(4, "Cite the form.", "See 14. Input: and 24. Output: of it."), SORT),
        [task(4, "Cite the form.", "See 14. Input: and 24. Output: of it."), SORT],
        [SORT],
    ),
    HardCase(
        "other languages",
        written(
            task(4, "写一首关于春天的诗。", "春眠不觉晓"),
            task(5, "Объясни, почему небо синее.", "Из-за рассеяния."),
        ),
        [
            task(4, "写一首关于春天的诗。", "春眠不觉晓"),
            task(5, "Объясни, почему небо синее.", "Из-за рассеяния."),
        ],
        [
            task(4, "写一首关于春天的诗。", "春眠不觉晓"),
            task(5, "Объясни, почему небо синее.", "Из-за рассеяния."),
        ],
    ),
    HardCase(
        "full-width colons",
        " 写诗。\n4. Input：春天\n4. Output：春眠\n###\n5. Instruction：再写。\n5. Input：\n<noinput>\n5. Output：\n处处\n",
        [task(4, "写诗。", "春眠", "春天"), task(5, "再写。", "处处")],
        [],
    ),
    HardCase(
        "cut off in the last output",
        written(BREAD, SORT, HAIKU)[:-12],
        [BREAD, SORT, task(6, HAIKU.instruction, HAIKU.output[:-11], truncated=True)],
        [BREAD, SORT],
        "length",
    ),
    HardCase(
        "cut off right after a separator: the task before it is whole",
        written(BREAD, SORT) + "###\n6. Instr",
        [BREAD, SORT],
        [BREAD, SORT],
        "length",
    ),
    HardCase(
        "the connection broke in an input (the release knew no such thing)",
        written(BREAD) + "###\n5. Instruction: Sort the numbers.\n5. Input:\n3, 1",
        [BREAD, task(5, "Sort the numbers.", "", "3, 1", truncated=True)],
        [BREAD],
        "error",
    ),
    HardCase(
        "the teacher stopped before the output",
        written(BREAD) + "###\n5. Instruction: Sort the numbers.\n5. Input:\n3, 1, 2\n5. Output:\n",
        [BREAD, task(5, "Sort the numbers.", "", "3, 1, 2", truncated=True)],
        # Its emptiness was never checked: this is how empty outputs came into the published data.
        [BREAD, task(5, "Sort the numbers.", "", "3, 1, 2")],
    ),
    HardCase(
        "chatter before and after",
        "Sure! Here are the new tasks:\n\n4. Instruction:"
        + written(BREAD, SORT)
        + "###\n\nLet me know if you want more!",
        [BREAD, SORT],
        # "4. Instruction:" stands twice in piece 0 (nine parts); the closing remark is piece 2.
        [SORT],
    ),
    HardCase(
        "the answer stands in a code fence",
        "```text\n4. Instruction:"
        + written(BREAD, task(5, "Print two.", "```\nprint(2)\n```"), CAPITAL)
        + "```\n",
        [BREAD, task(5, "Print two.", "```\nprint(2)\n```"), CAPITAL],
        # Task 7 is piece 2, read as 6.
        [task(5, "Print two.", "```\nprint(2)\n```")],
    ),
    HardCase(
        "every task stands in a code fence",
        "".join(f"```\n{n}. Instruction: Count to {n}.\n{n}. Output:\n1 to {n}\n```\n\n" for n in (4, 5, 6)),
        [task(n, f"Count to {n}.", f"1 to {n}") for n in (4, 5, 6)],
        # Three labels "4." in one piece: the opening fence becomes the instruction.
        [
            task(
                4,
                "```",
                "1 to 4\n```\n\n```\n5. Instruction: Count to 5.\n5. Output:\n1 to 5\n```\n\n"
                "```\n6. Instruction: Count to 6.\n6. Output:\n1 to 6\n```",
                "Count to 4.",
            )
        ],
    ),
    HardCase(
        "titles and headings instead of numbers in the labels",
        "### Task 4\n\n**Instruction:** Explain.\n\n**Input:** x\n\n**Output:**\n\ny\n\n---\n\n"
        "### Task 5\n\n**Instruction:** Sort.\n\n**Output:** w\n",
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w")],
        [],
    ),
    HardCase(
        "headings without colons",
        "#### 4. Instruction\nExplain.\n#### 4. Input\nx\n#### 4. Output\ny\n\n"
        "#### 5. Instruction\nSort.\n#### 5. Output\nw\n",
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w")],
        [],
    ),
    HardCase(
        "the Alpaca prompt's own headings",
        "### Instruction:\nExplain.\n\n### Input:\nx\n\n### Response:\ny\n\n### Instruction:\nSort.\n\n### Response:\nw\n",
        [task(None, "Explain.", "y", "x"), task(None, "Sort.", "w")],
        [],
    ),
    HardCase(
        "a header is missing",
        written(BREAD)
        + "###\n5. Sort the numbers.\n5. Input:\n3, 1, 2\n5. Output:\n1, 2, 3\n###\n6. Instruction:"
        + written(HAIKU),
        [BREAD, SORT, HAIKU],
        [BREAD, HAIKU],
    ),
    HardCase(
        "Windows line ends",
        written(BREAD, SORT, HAIKU).replace("\n", "\r\n"),
        [BREAD, SORT, HAIKU],
        [BREAD, SORT, task(6, HAIKU.instruction, HAIKU.output.replace("\n", "\r\n"))],
    ),
    HardCase(
        "separators of other kinds",
        written(BREAD, SORT, HAIKU, CAPITAL, separator="---"),
        [BREAD, SORT, HAIKU, CAPITAL],
        [
            task(
                4,
                BREAD.instruction,
                f"{BREAD.output}\n---\n5. Instruction:{written(SORT, HAIKU, CAPITAL, separator='---')}".strip(),
            )
        ],
    ),
    HardCase(
        "everything on one line",
        " Explain. 4. Input: <noinput> 4. Output: y\n###\n5. Instruction: Sort. 5. Input: z 5. Output: w\n",
        [task(4, "Explain.", "y"), task(5, "Sort.", "w", "z")],
        [task(4, "Explain.", "y"), task(5, "Sort.", "w", "z")],
    ),
    HardCase(
        "the separator clings to the output",
        " Explain.\n4. Input: x\n4. Output: y ###\n5. Instruction: Sort.\n5. Input: z\n5. Output: w ###\n"
        "6. Instruction: Count.\n6. Input: q\n6. Output: r",
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w", "z"), task(6, "Count.", "r", "q")],
        [task(4, "Explain.", "y", "x"), task(5, "Sort.", "w", "z"), task(6, "Count.", "r", "q")],
    ),
    HardCase(
        "bold labels, and bold that goes on over the text",
        "Sure, here you go:\n\n**4. Instruction:** Explain.\n**4. Input:** <noinput>\n**4. Output:** **Yes**, of course.\n\n"
        "**5. Instruction: Sort.**\n**5. Input**: z\n**5. Output:**\n**w**\n",
        [task(4, "Explain.", "**Yes**, of course."), task(5, "Sort.", "**w**", "z")],
        [],
    ),
    HardCase(
        "a heading of the chatter looks like a header",
        "### Instructions:\n\n4. Instruction:" + written(BREAD, SORT),
        [BREAD, SORT],
        # The leading ### and the second "4. Instruction:" break piece 0; the next piece is 5, 4's text.
        [],
    ),
    HardCase(
        "recipes have instructions of their own",
        written(task(4, "Invent a soup.", "Leeks\n\nInstructions:\n1. Cut.\n2. Boil."), SORT),
        [task(4, "Invent a soup.", "Leeks\n\nInstructions:\n1. Cut.\n2. Boil."), SORT],
        [task(4, "Invent a soup.", "Leeks\n\nInstructions:\n1. Cut.\n2. Boil."), SORT],
    ),
    HardCase(
        "a reasoning model thinks aloud first",
        "<think>\nPerhaps:\n4. Instruction: a draft\n4. Output: no\n###\n</think>\n\n4. Instruction:"
        + written(BREAD, SORT),
        [BREAD, SORT],
        # Three labels "4." in piece 0; task 4 is piece 1, read as 5, and task 5 is piece 2, read as 6.
        [task(4, "<think>\nPerhaps:", "no", "a draft")],
    ),
    HardCase(
        "the format is explained first",
        "The format is:\n1. Instruction: ...\n\n4. Instruction:" + written(BREAD, SORT),
        [BREAD, SORT],
        # "4. Instruction:" stands in piece 0 twice.
        [SORT],
    ),
    HardCase("nothing", "", []),
    HardCase("a refusal", "I'm sorry, but I can't help with that.", []),
    HardCase("only separators", "###\n###\n###\n", []),
]
