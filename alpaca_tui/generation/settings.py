"""What a generation run is told: goal, teacher, prompt, rules, limits. Validated once, stored with the run.

Knows no command line and no screen; both build it, and a run's stored settings rebuild it. It never
holds a key: keys live in the environment and in the endpoint, which is not stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from alpaca_tui.errors import UserError
from alpaca_tui.generation.filters import FilterRules
from alpaca_tui.generation.parser import ParserName
from alpaca_tui.generation.prompt import PromptSettings, load_template
from alpaca_tui.teacher.types import EndpointKind

CONCURRENCY_CEILING = 1000


class GenerationSettings(BaseModel):
    """Settings of one run. Money in USD, prices in USD per million tokens, `budget_usd` and
    `token_budget` over everything this workspace has ever asked a teacher (so that repeating a
    command, or resuming after a crash, can never spend twice)."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    goal: int = Field(default=100, ge=1, le=10_000_000)
    teacher: str = "demo"
    model: str | None = None
    endpoint: EndpointKind = "auto"
    seeds_file: Path | None = None
    prompt_file: Path | None = None
    language: str = "English"
    topic: str = ""
    examples: int = Field(default=3, ge=1, le=50)
    tasks: int = Field(default=20, ge=1, le=100)
    from_kept: int = Field(default=0, ge=0, le=50)
    budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price: tuple[float, float] | None = None
    token_budget: int | None = Field(default=None, ge=0)
    answer_tokens: int = Field(default=3072, ge=16, le=1_000_000)
    temperature: float | None = Field(default=1.0, ge=0, le=2)
    concurrency: int = Field(default=8, ge=1, le=CONCURRENCY_CEILING)
    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)
    threshold: float = Field(default=0.7, ge=0, le=1)
    parser: ParserName = "tolerant"
    filters: FilterRules = Field(default_factory=FilterRules)
    seed: int | None = None

    @field_validator("filters", mode="before")
    @classmethod
    def _filters(cls, value: Any) -> Any:
        return value if isinstance(value, FilterRules) else FilterRules.from_json(value)

    @field_validator("price")
    @classmethod
    def _price(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not all(0 <= part < 1e9 for part in value):
            raise ValueError("prices are two numbers of 0 or more: USD per million tokens, input and output")
        return value

    @classmethod
    def build(cls, **values: Any) -> GenerationSettings:
        """Validated settings; what does not fit becomes a `UserError` naming the setting and the reason."""
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise UserError(
                f"The setting {name} is not usable",
                f"{first['msg']} (given: {first.get('input')!r}).",
                "Change it and start again.",
                exit_code=2,
            ) from error

    def prompt_settings(self) -> PromptSettings:
        """What the prompt builder needs; reads `prompt_file` (UserError where it is unusable)."""
        return PromptSettings(
            examples=self.examples,
            tasks=self.tasks,
            language=self.language,
            topic=self.topic,
            from_kept=self.from_kept,
            template=load_template(self.prompt_file) if self.prompt_file else None,
        )

    def filter_rules(self) -> FilterRules:
        """The rules in force: the language decides about non-ASCII, the parser about the 2023 set."""
        return self.filters.for_run(
            language=self.language, mode="faithful" if self.parser == "faithful" else "tolerant"
        )

    def to_json(self) -> dict[str, Any]:
        """As stored with the run; `from_json` gives the same settings back."""
        data = self.model_dump(mode="json", exclude={"filters"})
        data["filters"] = self.filters.to_json()
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GenerationSettings:
        known = {name: value for name, value in data.items() if name in cls.model_fields}
        return cls.build(**known)
