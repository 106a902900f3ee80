"""Whether a teacher reads what the model that learns from it reads."""

from cmploss.errors import UserError
from cmploss.models import load_tokenizer
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT

EXAMPLES = 100


def check_teacher(name: str, task: LearningTask) -> None:
    """Refuse a teacher with another tokenizer than the model of a task; some examples are encoded by both.

    Inputs that only the teacher has, such as token types, must be 0 in all of them, since it does not get them.
    """
    own, its = load_tokenizer(task.model), load_tokenizer(name)
    fault = f"--teacher {name} has another tokenizer than {task.model}"
    remedy = "give a teacher with the same tokenizer"
    if own.get_vocab() != its.get_vocab():
        raise UserError(f"{fault}, with {len(its)} tokens instead of {len(own)} or other ones; {remedy}")
    for first, second in task.texts(SELECTION_SPLIT)[:EXAMPLES]:
        read, wanted = (each(first, second or None, verbose=False) for each in (own, its))
        if any(wanted[key] != read[key] if key in read else any(wanted[key]) for key in wanted):
            raise UserError(f"{fault}: it encodes {f'{first} {second}'[:60]!r} in another way; {remedy}")
