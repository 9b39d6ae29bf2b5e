"""Provokes failures of the training packages, one after the other, and writes what each prints as JSON.

`python provoke.py FOLDER`; a process of its own, because it imports torch and breaks things on purpose.
"""

from __future__ import annotations

import io
import json
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    Trainer,
    TrainingArguments,
)

FOLDER = Path(sys.argv[1])
SMALL: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "vocab_size": 32,
}  # fmt: skip
MODEL = LlamaForCausalLM(LlamaConfig(**SMALL))
MODEL.save_pretrained(FOLDER / "model")
CASES: dict[str, Callable[[], Any]] = {}


def case(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def keep(call: Callable[[], Any]) -> Callable[[], Any]:
        CASES[name] = call
        return call

    return keep


def model(name: str, config: str = "", **values: Any) -> Path:
    """A folder with a config.json and nothing else."""
    place = FOLDER / name
    place.mkdir()
    text = config or json.dumps(
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **SMALL, **values}
    )
    (place / "config.json").write_text(text)
    return place


def torn(size: int) -> Path:
    place = FOLDER / f"torn-{size}.safetensors"
    save_file({"a": torch.zeros(1000)}, place)
    place.write_bytes(place.read_bytes()[:size])
    return place


CASES |= {
    "ram-refused": lambda: torch.empty(10**15),
    "token-range embedding": lambda: nn.Embedding(10, 4)(torch.tensor([11])),
    "token-range label": lambda: nn.functional.cross_entropy(torch.zeros(1, 4), torch.tensor([50])),
    "no-gradient": lambda: torch.zeros(1).sum().backward(),
    "mixed-types": lambda: nn.Linear(2, 2)(torch.zeros(1, 2, dtype=torch.bfloat16)),
    "other-size state": lambda: nn.Linear(2, 2).load_state_dict(nn.Linear(3, 2).state_dict()),
    "not-a-number sampling": lambda: torch.multinomial(torch.tensor([float("nan"), 1.0]), 1),
    "weights-torn short": lambda: load_file(torn(500)),
    "weights-torn header": lambda: load_file(torn(5)),
    "weights-torn empty": lambda: load_file(torn(0)),
    "unknown-kind": lambda: AutoConfig.from_pretrained(model("kind", model_type="zeta9")),
    "unknown-kind none": lambda: AutoConfig.from_pretrained(model("none", config='{"x": 1}')),
    "no-weights": lambda: AutoModelForCausalLM.from_pretrained(model("bare")),
    "config-broken": lambda: AutoConfig.from_pretrained(model("broken", config='{"a":')),
    "config-new rope": lambda: AutoModelForCausalLM.from_config(
        AutoConfig.from_pretrained(model("rope", rope_parameters={"rope_type": "foo"}))
    ),
    "config-new type": lambda: AutoConfig.from_pretrained(model("type", hidden_size="x")),
    "flash-attn": lambda: AutoModelForCausalLM.from_pretrained(
        FOLDER / "model", attn_implementation="flash_attention_2"
    ),
    "no-tokenizer": lambda: AutoTokenizer.from_pretrained(FOLDER / "model"),
    "no-network": lambda: AutoConfig.from_pretrained("nobody/no-such-model-as-this"),
    "unknown-argument": lambda: TrainingArguments(output_dir=str(FOLDER), evaluation_strategy="steps"),
    "no-bf16": lambda: TrainingArguments(output_dir=str(FOLDER), tf32=True),
    "adapter-targets": lambda: get_peft_model(MODEL, LoraConfig(target_modules=["nothing"])),
    "adapter-targets kind": lambda: get_peft_model(MODEL, LoraConfig(target_modules=["model"])),
    "no-adapter": lambda: PeftModel.from_pretrained(MODEL, str(FOLDER)),
}  # fmt: skip


@case("other-size model")
def _other_size() -> None:
    place = FOLDER / "model-other"
    MODEL.save_pretrained(place)
    values = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(values | {"hidden_size": 32, "head_dim": 16}))
    AutoModelForCausalLM.from_pretrained(place)


@case("weights-pickle")
def _pickle() -> None:
    place = model("pickle")
    (place / "pytorch_model.bin").write_bytes(b"x")
    AutoModelForCausalLM.from_pretrained(place)


@case("own-code")
def _own_code() -> None:
    place = model("own", model_type="own", auto_map={"AutoConfig": "own.Config"})
    (place / "own.py").write_text("")
    AutoConfig.from_pretrained(place, trust_remote_code=False)


@case("not-a-number clip")
def _clip() -> None:
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([float("nan")])
    nn.utils.clip_grad_norm_([weight], 1.0, error_if_nonfinite=True)


@case("resume-other")
def _resume() -> None:
    state = torch.optim.AdamW(nn.Linear(2, 2).parameters()).state_dict()
    torch.optim.AdamW(nn.Linear(2, 2, bias=False).parameters()).load_state_dict(state)


@case("resume-other checkpoint")
def _checkpoint() -> None:
    arguments = TrainingArguments(output_dir=str(FOLDER), use_cpu=True, report_to=[])
    Trainer(MODEL, arguments).train(resume_from_checkpoint=str(FOLDER / "no-checkpoint"))


@case("weights-torn zip")
def _zip() -> None:
    place = FOLDER / "optimizer.pt"
    torch.save({"a": torch.zeros(10_000)}, place)
    place.write_bytes(place.read_bytes()[:500])
    torch.load(place)


@case("port-in-use")
def _port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        torch.distributed.TCPStore("127.0.0.1", server.getsockname()[1], 2, True, timedelta(seconds=2))


@case("no-rendezvous")
def _rendezvous() -> None:
    torch.distributed.TCPStore("127.0.0.1", 0, 2, True, timedelta(seconds=1))


def main() -> None:
    printed: dict[str, str] = {}
    for name, call in CASES.items():
        said = io.StringIO()
        try:
            with redirect_stderr(said), redirect_stdout(said):
                call()
        except Exception:
            printed[name] = said.getvalue() + traceback.format_exc()
        else:
            printed[name] = "nothing went wrong"
    (FOLDER / "printed.json").write_text(json.dumps(printed), encoding="utf-8")


if __name__ == "__main__":
    main()
