"""The curation room: what is done with a dataset once it exists."""
