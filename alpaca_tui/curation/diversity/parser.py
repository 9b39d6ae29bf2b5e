"""The same question put to spaCy, where a model that parses English is installed.

It follows self-instruct's own rule on the first sentence's tree. Loaded only when asked for; a program without
spaCy never notices.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache
from typing import Any

MODELS = ("en_core_web_trf", "en_core_web_lg", "en_core_web_md", "en_core_web_sm")
"""The models that parse English, the best first."""


@lru_cache(maxsize=1)
def load_parser() -> Any:
    """The best installed model, loaded; None where there is none."""
    if importlib.util.find_spec("spacy") is None:
        return None
    spacy: Any = importlib.import_module("spacy")
    for name in MODELS:
        if importlib.util.find_spec(name) is not None:
            return spacy.load(name, exclude=["ner"])
    return None


def parsed(instruction: str, nlp: Any) -> tuple[str | None, str | None]:
    """(root verb, object) by the tree of the first sentence: down from its root to the first verb, then that
    verb's lemma and its first noun that is a direct object (self-instruct, `find_root_verb_and_its_dobj`)."""
    sentence = next(iter(nlp(instruction).sents), None)
    return _descend(sentence.root) if sentence is not None else (None, None)


def _descend(node: Any) -> tuple[str | None, str | None]:
    if node.pos_ == "VERB":
        for child in node.children:
            if child.dep_ in ("dobj", "obj") and child.pos_ == "NOUN":
                return node.lemma_.lower(), child.lemma_.lower()
        return node.lemma_.lower(), None
    for child in node.children:
        return _descend(child)
    return None, None
