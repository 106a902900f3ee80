"""Tasks: training data, batches, and the scores of a model."""
