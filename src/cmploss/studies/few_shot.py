"""Sizes of training samples."""

from cmploss.errors import UserError
from cmploss.tasks.base import LearningTask


def parse_sizes(text: str, task: LearningTask) -> tuple[int, ...]:
    """Read the sizes of training samples, as in ``20,100,1000``, and check them against the task.

    Args:
        text: Comma-separated whole numbers, each once.
        task: Whose training examples are drawn from.

    Returns:
        The sizes in ascending order.

    Raises:
        UserError: No number, a size twice, fewer examples than classes, or more than there are.
    """
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit()):
            raise UserError(f"--few_shot must be whole numbers joined by commas, as in 20,100,1000; got {word!r}")
    sizes = sorted(map(int, words))
    if len(set(sizes)) < len(sizes):
        raise UserError(f"--few_shot {text} has one size twice; give each size once")
    least, most = max(len(task.label_names), 1), task.sizes["train"]
    for size in sizes:
        if not least <= size <= most:
            classes = f" of {len(task.label_names)} classes" if task.label_names else ""
            raise UserError(
                f"--few_shot {size} is out of range: the training split of {task.name} has {most} examples{classes}; "
                f"choose from {least} to {most}"
            )
    return tuple(sizes)
