import os

import torch

os.environ["HF_HUB_OFFLINE"] = "1"
torch.set_num_threads(1)  # tiny models; the suite runs in parallel processes
