"""Real failures of the installed torch, transformers, peft and safetensors, provoked without a GPU: their words change
from version to version, and the table must know those of today."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alpaca_tui.finetune.symptoms import SYMPTOMS, explain

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

SCRIPT = Path(__file__).parent.parent / "support" / "provoke.py"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Symptom -> what was printed."""
    folder = tmp_path_factory.mktemp("provoked")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment | {"HF_HOME": str(folder / "hub")},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads((folder / "printed.json").read_text(encoding="utf-8"))


def test_what_the_packages_say_today_is_known(printed: dict[str, str]) -> None:
    titles = {symptom.id: symptom.title for symptom in SYMPTOMS}
    wrong = {}
    for case, message in printed.items():
        told = explain(message, 1)
        if told is None or told.title != titles[case.partition(" ")[0]]:
            wrong[case] = (told and told.title, message[-600:])
    assert wrong == {}
    assert len(printed) >= 25
