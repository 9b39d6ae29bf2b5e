"""The teacher room: an OpenAI-compatible endpoint, asked by one engine for generation, curation and judging."""
