"""Training in plain PyTorch: what ObjectiveTrainer does, without the Trainer.

python examples/plain_loop.py [MODEL]
"""

import sys
from itertools import chain, repeat

import torch
from torch.utils.data import DataLoader
from transformers import DataCollatorWithPadding, get_linear_schedule_with_warmup

from cmploss import CmpDrop, Comparative
from cmploss.model_config import DEFAULT_MODEL
from cmploss.models import load_tokenizer, new_classifier
from cmploss.tasks.text import DataConfig, encode, load_data
from cmploss.training import train_loop

EPOCHS, BATCH = 2, 16


def main(name: str = DEFAULT_MODEL) -> None:
    data = load_data(DataConfig(task="helpdesk"))
    tokenizer = load_tokenizer(name)
    model = new_classifier(name, data.label_names, seed=0)
    collate = DataCollatorWithPadding(tokenizer)
    batches = DataLoader(encode(data.train, tokenizer, 128), BATCH, shuffle=True, collate_fn=collate)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=2, num_training_steps=EPOCHS * len(batches))

    every_epoch = chain.from_iterable(repeat(batches, EPOCHS))  # shuffled anew each time
    steps = train_loop(model, every_epoch, Comparative(CmpDrop(2)), optimizer, scheduler=scheduler)
    for number, parts in enumerate(steps, 1):
        if number % len(batches) == 0:
            print(f"step {number}: " + ", ".join(f"{part} {value:.3f}" for part, value in parts.items()))

    model.eval()
    held_out = DataLoader(encode(data.validation, tokenizer, 128), 64, collate_fn=collate)
    with torch.no_grad():
        hits = [model(**batch).logits.argmax(-1) == batch["labels"] for batch in held_out]
    print(f"held-out accuracy {torch.cat(hits).float().mean():.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
