"""Tasks: what is trained on, how it is batched, and how a model is scored."""
