import gc
import os

import torch
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
settings.register_profile("cmploss", deadline=None)  # a busy machine is no failure
settings.load_profile("cmploss")
torch.set_num_threads(1)  # tiny models; the suite runs in parallel processes
gc.collect()
gc.freeze()  # the Trainer collects garbage in every run; what was imported need not be looked at again
