"""Rules about what is answered: echoes of the prompt, placeholders, refusals; and inputs said twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alpaca_tui.curation.lint.model import Context, Finding, Row
from alpaca_tui.text import preview

# --- echoes

_ASKS_TO_REPEAT = re.compile(
    r"^(?:please )?(?:repeat|say|echo|copy|print|output|write|type|read|recite|display|spell)\b|\brepeat\b"
)
# A text that is asked to be changed comes back unchanged. Corrections are left out: it may have been right.
_ASKS_FOR_CHANGE = re.compile(
    r"^(?:please )?(?:rewrite|re-write|paraphrase|rephrase|reword|restate|summari[sz]e|translate|shorten|expand|reverse|underline|circle|highlight|"
    r"replace|delete|remove|insert|transform|turn|modify|change|convert|simplify|answer|explain|describe|elaborate|scramble|break|split)\b"
)
_MAY_BE_RIGHT = re.compile(
    r"\b(?:if|correct\w*|grammar|grammatical\w*|errors?|mistakes?|punctuation|spelling|necessary|needed|any|lowest terms|simplest|unnecessary|duplicates?|irrelevant|redundant|standard|decimal|format\w*|"
    r"singular|plural|active|tense|extra|line breaks?|paragraphs|upper ?case|lower ?case|capital\w*)\b"
)


def output_echo(row: Row, _context: Context) -> Iterator[Finding]:
    """The output is the instruction again; or the input, where the task was to change it.

    Checked by hand: both hits in the Alpaca rows and the only one in the others, 3 right.
    """
    output = row.output.strip()
    if len(output) < 2:
        return
    if len(output) == len(row.instruction.strip()) and output == row.instruction.strip():
        if not _ASKS_TO_REPEAT.search(row.low_instruction):
            yield Finding("output-echo", "output", "the output is the instruction again", 0, len(row.output))
    elif (
        row.input
        and output == row.input.strip()
        and len(output.split()) > 2
        and _ASKS_FOR_CHANGE.match(row.low_instruction)
        and not _MAY_BE_RIGHT.search(row.low_instruction)
        and not re.search(r"[:\"“\n]", row.instruction.rstrip(": \n"))
    ):
        yield Finding("output-echo", "output", "the output is the input again", 0, len(row.output))


def repeats_input(row: Row, _context: Context) -> Iterator[Finding]:
    """The whole input stands, word for word, in the instruction.

    Checked by hand: 40 of 122 hits in the Alpaca rows, 39 right; 40 of 201 in the others, 40 right.
    """
    if not row.input:
        return
    input = row.low_input.strip()
    if len(input) < 12 or len(input) > len(row.instruction) or len(input.split()) < 3:
        return
    at = row.low_instruction.find(input)
    if at < 0:
        return
    end = at + len(input)
    around = row.instruction[at - 1 : at] + row.instruction[end : end + 1]
    if any(map(str.isalnum, around)) and row.instruction[at : at + 1].isalnum():
        return
    yield Finding("repeats-input", "instruction", "the whole input stands here too", at, end, fixable=True)


# --- left in

_SLOT_WORDS = (
    r"(?:names?|address(?:es)?|dates?|day|month|year|title|position|compan(?:y|ies)|phone|telephone|numbers?|e-?mails?|city|town|state|country|product|service|signature|schools?|universit(?:y|ies)|college|"
    r"organi[sz]ation|location|place|time|recipients?|sender|customers?|clients?|employers?|employee|manager|department|website|url|link|price|amount|zip(?: code)?|event|brand|"
    r"job|role|industry|field|degree|skills?|contact(?: info(?:rmation)?)?|friend|friend's name|teacher|professor|boss|colleague|team|project|topic|reason|action|issue|store|restaurant|author|"
    r"editor|book(?: title)?|credit card|account|order|invoice)"
)
_PLACEHOLDER = re.compile(
    rf"[\[<{{(](?:your|my|insert|enter|add|their|his|her|recipient['’]?s?|sender['’]?s?|customer['’]?s?|client['’]?s?|employer['’]?s?|company['’]?s?|professor['’]?s?|supervisor['’]?s?|boss['’]?s?|friend['’]?s?|teacher['’]?s?) [a-z’'/ -]{{2,40}}[\]>}})]"
    rf"|\[ ?(?:[a-z’'-]+ ){{0,3}}{_SLOT_WORDS} ?\]|<(?:[a-z]+[ _-])?(?:name|company|address|recipient|sender|date|customer|client)>"
    r"|\[insert[^\]\n]{1,80}\]|\[(?:_{2,}|x{2,}|blank)\]|\blorem ipsum\b|(?<![\w-])x{3,}(?![\w-])"
    r"|(?<![_/\w])_{4,}(?![_/\w])|\byour text here\b|\binsert (?:your )?(?:text|name|image|text here) here\b"
    r"|[<\[(](?:[a-z' -]{0,40}\b)?(?:images?|photo|picture|video|audio|logo|poster|graphic|painting|drawing|animation|sound)\b[^<>\[\]()\n=]{0,100}[>\])]\Z"
)
_PLACEHOLDER_SIGNS = re.compile(
    r"[\[<{]|lorem|xxx|____|your text|insert |\(your|\(insert|\((?:image|photo|picture|video|audio)"
)
_WANTS_SLOTS = re.compile(
    r"\b(?:templates?|forms?|blanks?|placeholders?|lorem|fill[- ]?ins?|fill|outline|skeleton|boilerplate|mad ?libs?|cloze|complete|missing|regex\w*|regular expressions?|codes?|html|xml|css|"
    r"sql|todo|to-do|roman numerals?|formats?|scripts?|worksheet|quiz|questionnaire|survey|dummy|mask\w*|censor\w*|redact\w*|anonymi\w*|syntax|hashtag|url|api|query|tag|"
    r"functions?|program|python|java|javascript|parse|grammar|algorithm|poem|lyrics|song|verse|headlines?|slots?|variables?|password|hangman|crossword|puzzle|dialogue|chords?)\b"
)
_LOOKS_LIKE_CODE = re.compile(
    r"```|;\s*$|</\w|/>|\bdef \w+\(|\breturn\b.*;|^\s*(?:import|#include|select|function|var|let|const)\b",
    re.MULTILINE | re.IGNORECASE,
)


def placeholder(row: Row, _context: Context) -> Iterator[Finding]:
    """Something that was to be filled in stands in the output: "[Your Name]", "lorem ipsum", "XXX". Not where
    the task asks for a template or code, and not where the prompt has placeholders itself.

    Checked by hand: 25 of 153 hits in the Alpaca rows, 23 right; 23 of 336 in the others, 22 right.
    """
    low = row.low_output
    if not _PLACEHOLDER_SIGNS.search(low):
        return
    found = _PLACEHOLDER.search(low)
    if found is None or _WANTS_SLOTS.search(row.low_instruction):
        return
    if (
        _PLACEHOLDER.search(row.low_input)
        or _PLACEHOLDER.search(row.low_instruction)
        or _LOOKS_LIKE_CODE.search(row.output)
    ):
        return
    text = row.output[found.start() : found.end()]
    if text.lower().startswith("xxx") and (text != text.upper() or len(text) > 8):
        return
    if text.startswith("_") and "_" in row.input + row.instruction:
        return
    yield Finding("placeholder", "output", f"“{preview(text, 40)}” was left in", found.start(), found.end())


# --- refused

_AI = r"(?:an? )?(?:large )?(?:ai|artificial intelligence|language|gpt)(?:[- ]?\d)?(?: language)?(?:[- ](?:model|assistant|system|program|chatbot))?"
_CANNOT = r"(?:can ?not|can['’]t|am (?:not able|unable) to|['’]m (?:not able|unable) to|do not have|don['’]t have|am not capable of|['’]m not capable of|won['’]t be able to|could not|couldn['’]t)"
_TASK = r"(?:this|that|the|your|such an?|these)(?: [a-z]+){0,2} (?:instruction|request|task|question|tasks|action)s?"
_REFUSAL = re.compile(
    rf"\bas {_AI},? ?(?:i\b|my\b|it is not|it's not)"
    rf"|\bi(?:['’]m| am) (?:just |only |sorry,? (?:but )?i(?:['’]m| am) )?{_AI}(?: and| so| that|,|\.|$)"
    rf"|^(?:i(?:['’]m| am)(?: very| really| so)? (?:sorry|afraid)|sorry|i apologi[sz]e|unfortunately)[^.!?\n]{{0,60}}\b(?:i {_CANNOT}|i {_CANNOT}|(?:the |a )?gpt (?:language )?model (?:can ?not|is not able|is unable))"
    r"|^i (?:can ?not|can['’]t|am (?:not able|unable) to|do not have the ability to|don['’]t have the ability to|am not capable of) (?:assist|help|provid\w*|fulfil+|complet\w*|answer|generat\w*|creat\w*|access|perform\w*|comply|process|play|send|open|"
    r"view|browse|display|show|search|set up|set|book|order|call|draw|produce)\b(?! (?:you enough|it enough|wait))"
    r"|\bi do not have (?:access to (?:real|current|live|the internet|your|external)|the ability to|personal (?:opinions|beliefs|experiences|preferences)|the (?:capability|capacity) to)"
    rf"|^(?:sorry,? |unfortunately,? )?{_TASK} (?:can ?not|can['’]t) be (?:completed|answered|done|fulfilled|processed|performed|executed)"
    r"|\b(?:can ?not|can['’]t|not) be (?:completed|answered|done|fulfilled|processed|performed|created|generated|accomplished|drawn) (?:by|using|with) (?:an? |the |this )?(?:gpt|ai|language)[a-z0-9 -]{0,20} ?model"
    r"|^(?:sorry|unfortunately)[^.!?\n]{0,120}[.,!] ?(?:the |a |this )?(?:gpt(?:-\d)?|language|ai)(?: language)? model (?:can ?not|is not able|is unable|does not)"
)
_REFUSAL_SIGNS = (
    "sorry",
    "cannot",
    "can't",
    "can’t",
    "can not",
    "unable",
    "not able",
    "as an",
    "i am a",
    "i'm a",
    "i’m a",
    "unfortunately",
    "do not have",
    "don't have",
    "don’t have",
    "apologi",
    "not be ",
    "as a ",
)
_ABOUT_REFUSALS = re.compile(
    r"\b(?:as an ai|chat ?bots?|ai assistant|refus\w*|declin\w*|apolog\w*|sorry|excuses?|reject\w*|robots?|virtual assistant|role ?play|dialogues?|dialogs?|conversation|characters?|scripts?|pretend|"
    r"impossible|letter|e-?mail|story|scene|poem|song|monologue|persona|imagine|you are (?:an?|the)|act as|customer|complain\w*|tweet|message|reply|repl(?:y|ies)|rewrite|rephrase|paraphrase|translate|sentence|limitations?|rearrange|edit)\b"
)


def refusal(row: Row, _context: Context) -> Iterator[Finding]:
    """The output refuses, or speaks of itself as a language model, where the task is not about refusing.

    Checked by hand: all 7 hits in the Alpaca rows, 6 right; 40 of 150 in the others, 38 right.
    """
    low = row.low_output
    head = low[:600]
    if not any(sign in head for sign in _REFUSAL_SIGNS):
        return
    found = _REFUSAL.search(head)
    if found is None:
        return
    itself = " ai" in found.group() or "language model" in head or "gpt" in found.group()
    if not itself and (_ABOUT_REFUSALS.search(row.low_instruction) or _ABOUT_REFUSALS.search(row.low_input)):
        return
    if itself and re.search(
        r"\b(?:as an ai|language model|chat ?bot|role ?play|pretend|story|persona|monologue|character)",
        row.low_instruction,
    ):
        return
    before = row.output[: found.start()]
    if before.count('"') % 2 or before.count("“") > before.count("”"):
        return
    said = " ".join(row.output[found.start() : found.end()].split())
    yield Finding("refusal", "output", f"“{preview(said, 60)}” refuses", found.start(), found.end())
