"""The generation room: seeds to prompt, streamed text to tasks, tasks to verdicts, runs to datasets."""
