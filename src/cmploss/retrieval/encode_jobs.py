"""Encoding by several processes, each on a GPU of its own if there are several."""

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import torch

from cmploss.devices import set_threads, visible_gpus
from cmploss.errors import UserError
from cmploss.retrieval.encoder import Encoder, SparseEncoder, load_encoder
from cmploss.retrieval.encoder_config import EncoderConfig

_own: list[Encoder | SparseEncoder] = []  # the encoder of a process


def encoded_in_processes(
    chunks: Iterable[list[str]], config: EncoderConfig, batch_size: int, jobs: int
) -> Iterator[Any]:
    """The vectors of lists of texts, in their order; each process loads the encoder."""
    context = multiprocessing.get_context("spawn")
    threads, started = max(1, torch.get_num_threads() // jobs), context.Value("i", 0)
    with ProcessPoolExecutor(jobs, context, _start, (config, threads, started)) as pool:
        try:
            yield from pool.map(partial(_encode, batch_size), chunks)
        except BrokenProcessPool as error:
            raise UserError("--jobs: a process has died; the same command continues, with fewer --jobs") from error


def _start(config: EncoderConfig, threads: int, started: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one ends them
    with started.get_lock():
        number, started.value = started.value, started.value + 1
    gpus = visible_gpus()
    if len(gpus) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
    set_threads(threads)
    _own.append(load_encoder(config))


def _encode(batch_size: int, texts: list[str]) -> Any:
    return _own[0].documents(texts, batch_size)
