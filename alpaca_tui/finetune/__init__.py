"""The fine-tuning room: from a dataset and a recipe to a run that is launched, watched and published."""
