"""What of a step lies in memory for a while only, at the moment when that is most.

Activations pile up on the way there. Then it is dearest either in the loss, or where the head's gradient is added to
what is there already, or on the way back through the last block. Knows the recipe and the model's shape; no device
but by the numbers it computes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alpaca_tui.finetune.activations import Numbers, block, scores, working
from alpaca_tui.finetune.lasting import Part, counted, trained
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import ModelShape


@dataclass(frozen=True, slots=True)
class Step:
    """A micro-batch's way there and back on one device. tokens: in it, padding included; labelled: those with a label;
    masked: see `block`; adds_up: it is not the only one of a step; shares: devices that share the weights between
    them; buckets: whether devices send each other gradients otherwise."""

    shape: ModelShape
    recipe: Recipe
    of: Numbers
    tokens: int
    labelled: int
    masked: int
    checkpointing: bool
    adds_up: bool
    shares: int
    buckets: bool

    def parts(self) -> list[Part]:
        """What there is at the dearest moment."""
        moments = [self._in_the_loss(), self._in_a_block()]
        if self.adds_up and not self.recipe.adapts:
            moments.append(self._at_the_head())
        dearest = max(moments, key=lambda parts: sum(part.bytes for part in parts))
        return [self._activations(), *self._shared_out(), *dearest]

    @property
    def _saved(self) -> int:
        return block(self.shape, self.recipe, self.of, masked=self.masked)

    def _activations(self) -> Part:
        tokens, layers = f"{self.tokens:,} tokens", self.shape.layers
        if self.checkpointing:
            each = self.of.stream * self.shape.hidden
            words = f"{tokens} × {layers} starts of blocks × {each:,} bytes"
        else:
            each = self._saved
            words = f"{tokens} × {layers} blocks × {each:,} bytes"
        return Part("activations", self.tokens * layers * each, words)

    def _shared_out(self) -> Iterator[Part]:
        """What several devices need to work together."""
        if self.shares > 1:
            shape, bytes = self.shape, self.of.computed
            one, rest = shape.linear_parameters // shape.layers, shape.parameters - shape.linear_parameters
            words = f"(2 blocks of {one:,} weights + {rest:,} outside the blocks) × {bytes} bytes"
            yield Part("gathered weights", (2 * one + rest) * bytes, words)
            if not self.recipe.adapts:
                yield counted("gathered gradients", "gradients of 2 blocks", 2 * one, bytes)
        elif self.buckets:
            taught = trained(self.shape, self.recipe)
            noun = "gradients on their way to other devices"
            yield counted("gradient buckets", noun, taught.parameters, taught.kept)

    def _in_the_loss(self) -> list[Part]:
        return [
            counted("logits", "trained tokens", self.labelled, scores(self.shape, self.of)),
            *self._copies(blocks=self.shape.layers, head=True),
        ]

    def _at_the_head(self) -> list[Part]:
        each = 2 * self.of.computed * self.shape.vocabulary  # the scores and their gradient
        wide = self.of.kept + (self.of.computed if self._copied else 0)
        return [
            counted("logits", "trained tokens", self.labelled, each),
            counted("head's gradient", "gradients, to be added", self.shape.head_parameters, wide),
            *self._copies(blocks=0 if self.checkpointing else self.shape.layers, head=True),
        ]

    def _in_a_block(self) -> list[Part]:
        parts = [counted("working buffers", "tokens", self.tokens, working(self.shape, self.recipe, self.of))]
        if self.checkpointing:
            parts.append(counted("recomputed block", "tokens", self.tokens, self._saved))
        if self.recipe.method == "qlora":
            widest = max(one.outputs * one.inputs for one in self.shape.linear_shapes)
            parts.append(counted("unpacked layer", "weights", widest, self.of.computed))
        return [*parts, *self._copies(blocks=1 if self.checkpointing else self.shape.layers, head=False)]

    @property
    def _copied(self) -> bool:
        """Whether autocast makes copies of what is trained; FSDP gathers its own."""
        return self.of.autocast and self.shares == 1

    def _copies(self, *, blocks: int, head: bool) -> Iterator[Part]:
        """Autocast's copies: all on the way there; then those that are saved for the way back."""
        if self._copied:
            shape = self.shape
            adapts = self.recipe.adapts
            inside = trained(shape, self.recipe).parameters if adapts else shape.linear_parameters
            count = inside * blocks // shape.layers + (shape.head_parameters if head and not adapts else 0)
            yield counted("16-bit copies", "weights", count, self.of.computed)
