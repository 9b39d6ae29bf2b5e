"""A dataset out to the Hugging Face Hub: Parquet and its card, in one commit, so that it is all there or not.

The token is the one of the environment or of `hf auth login`; it is neither taken, shown nor stored here.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from alpaca_tui.curation.interchange.arrow import hub_fault, needed
from alpaca_tui.curation.interchange.arrow_writing import Splits, write_groups
from alpaca_tui.curation.interchange.columns import Fields
from alpaca_tui.errors import UserError

_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_CARD = "README.md"


def push_to_hub(
    repository: str,
    rows: Iterable[tuple[str, Fields]],
    *,
    card: str | None = None,
    private: bool = True,
) -> int:
    """Make `rows` ((split, fields)) the content of the dataset `OWNER/NAME`, which is created if need be
    (`private` is heeded only then); returns how many. card: its README.md; None leaves the one there.

    Raises UserError: without `alpaca-tui[data]`, a network, or the right to write there.
    """
    if not _NAME.fullmatch(repository):
        raise UserError(
            f"{repository!r} is no name of a dataset", "Names are OWNER/NAME.", "Choose another name."
        )
    hub = needed("huggingface_hub", "The Hugging Face Hub")
    pa = needed("pyarrow", "The Hugging Face Hub")
    # The library reads the address only when it is first imported.
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    with tempfile.TemporaryDirectory(prefix="alpaca-tui-") as name, Splits(pa, Path(name)) as splits:
        splits.read(rows)
        operations: list[object] = []
        for number, (split, spool) in enumerate(splits.spools.items()):
            part = Path(name) / f"{number}.parquet"
            with part.open("wb") as file:
                write_groups(file, spool, splits.columns)
            operations.append(hub.CommitOperationAdd(f"data/{split}-00000-of-00001.parquet", str(part)))
        if card is not None:
            operations.append(hub.CommitOperationAdd(_CARD, card.encode()))
        try:
            api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
            added = {f"data/{split}-00000-of-00001.parquet" for split in splits.spools}
            for old in api.list_repo_files(repository, repo_type="dataset"):
                if old.startswith("data/") and old not in added:
                    operations.append(hub.CommitOperationDelete(old))
            api.create_commit(
                repository,
                operations,
                commit_message="Upload dataset",
                repo_type="dataset",
            )
        except Exception as error:  # the network and the Hub have a dozen kinds
            raise hub_fault(repository, "could not be uploaded", error) from error
        return splits.rows
