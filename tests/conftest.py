import gc
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy is imported; more threads wait for one another

import torch
from hypothesis import settings

settings.register_profile("cmploss", deadline=None)  # a busy machine is no failure
settings.load_profile("cmploss")
torch.set_num_threads(1)  # tiny models; the suite runs in parallel processes
gc.collect()
gc.freeze()  # the Trainer collects garbage in every run; what was imported need not be looked at again
