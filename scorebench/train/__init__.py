"""Training score models: objectives, networks, the loop, checkpoints.

``load_config(path)`` reads a config, ``Training(config, folder, context).run()`` does what it says,
and ``load_checkpoint(folder)`` gives the score model that came of it.
"""

from __future__ import annotations

from scorebench.train.checkpoint import load_checkpoint as load_checkpoint
from scorebench.train.config import TrainingConfig as TrainingConfig
from scorebench.train.config import load_config as load_config
from scorebench.train.training import Training as Training
