"""Back-translation: sampled translations of a text to another language and back, as paraphrases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmploss.atomic import read_json, write_json
from cmploss.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_DRAWS = 10  # of one translation, until it has text


@dataclass(frozen=True)
class BackTranslation:
    """Two models that translate to another language and back.

    Any pair of transformers' sequence-to-sequence models that need neither a language code nor a prompt, such as
    ``Helsinki-NLP/opus-mt-en-de`` and ``Helsinki-NLP/opus-mt-de-en``.

    Attributes:
        forward: Hub id or folder of the model that reads the texts.
        backward: Hub id or folder of the model that reads what ``forward`` writes.
        cache: Folder of earlier samples, one JSON file each; made when needed. A model is identified by its name:
            empty the folder after training a model again.
    """

    forward: str
    backward: str
    cache: Path

    def sample(self, texts: Sequence[str], *, temperature: float, seed: int) -> list[str]:
        """Back-translations of some texts, each sampled token by token in both directions.

        The probabilities are softmax(logits / T) over the whole vocabulary, without beams. A translation has at most
        16 tokens more than twice its source; ``backward`` reads as much of it as it can. A translation without text is
        drawn again. A result depends on its text, the models, T and the seed alone. Models are loaded only for texts
        that are not in the cache.

        Args:
            texts: Texts in the language of ``forward``.
            temperature: T; the larger, the noisier.
            seed: Seed of the sampling.

        Raises:
            UserError: If a model cannot be loaded, a text is too long, or a model writes no text.

        References: Gunel et al. 2021 (arXiv 2011.01403), section 4.2; Edunov et al. 2018 (arXiv 1808.09381).
        """
        paths = {text: self._path(text, temperature, seed) for text in dict.fromkeys(texts)}
        missing = [text for text, path in paths.items() if not path.exists()]
        if missing:
            self.cache.mkdir(parents=True, exist_ok=True)
            there, back = _Translator.load(self.forward), _Translator.load(self.backward)
            for text in missing:
                there.check(text)
            for text in missing:
                pivot = there.sample(text, temperature, seed)
                found = {"translation": pivot, "text": back.sample(pivot, temperature, seed)}
                write_json(paths[text], {**self._key(text, temperature, seed), **found})
        sampled = {text: read_json(path, lambda found: str(found["text"])) for text, path in paths.items()}
        return [sampled[text] for text in texts]

    def _key(self, text: str, temperature: float, seed: int) -> dict[str, Any]:
        names = [str(Path(name).resolve()) if Path(name).is_dir() else name for name in (self.forward, self.backward)]
        return {"models": names, "source": text, "temperature": temperature, "seed": seed}

    def _path(self, text: str, temperature: float, seed: int) -> Path:
        key = json.dumps(self._key(text, temperature, seed), sort_keys=True)
        return self.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


@dataclass(frozen=True)
class _Translator:
    name: str
    model: Any
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def load(cls, name: str) -> _Translator:
        from cmploss.models import load_seq2seq, load_tokenizer

        return cls(name, load_seq2seq(name).eval(), load_tokenizer(name))

    @property
    def longest(self) -> int | None:
        """Largest number of tokens that the model reads or writes; None if unlimited, as with T5."""
        from transformers.tokenization_utils_base import LARGE_INTEGER

        limits = [self.tokenizer.model_max_length, getattr(self.model.config, "max_position_embeddings", None)]
        known = [int(limit) for limit in limits if limit is not None and limit < LARGE_INTEGER]
        return min(known, default=None)

    def check(self, text: str) -> None:
        """Refuse a text that is too long for the model."""
        size = len(self.tokenizer(text)["input_ids"])
        if self.longest is not None and size > self.longest:
            raise UserError(
                f"back-translation: a text has {size} tokens, but {self.name} reads at most {self.longest}; "
                f"shorten {text[:60]!r}…"
            )

    def sample(self, text: str, temperature: float, seed: int) -> str:
        import torch

        from cmploss.ablation.rng import seeded

        limit = self.longest
        cut = {} if limit is None else {"truncation": True, "max_length": limit}
        tokens = self.tokenizer(text, return_tensors="pt", **cut)
        size = tokens["input_ids"].shape[1]
        inputs = {name: tokens[name].to(self.model.device) for name in ("input_ids", "attention_mask")}
        number = int(hashlib.sha256(json.dumps([seed, text]).encode()).hexdigest()[:15], 16)
        most = 2 * size + 16
        with seeded(number, self.model), torch.no_grad():
            for _ in range(_DRAWS):
                ids = self.model.generate(
                    **inputs,
                    do_sample=True,
                    temperature=temperature,
                    top_k=0,
                    top_p=1.0,
                    num_beams=1,
                    max_new_tokens=most if limit is None else min(most, limit),
                )
                found = str(self.tokenizer.decode(ids[0], skip_special_tokens=True)).strip()
                if found:
                    return found
        raise UserError(
            f"back-translation: {self.name} wrote nothing for {text[:60]!r} in {_DRAWS} draws; use another model"
        )
