"""What the tasks of ``ROW_TASKS`` share: splits, encoding, scores and files of predictions."""
