"""Handwritten digits, small enough to try a whole suite in seconds and without a download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scorebench import Data, Dataset

if TYPE_CHECKING:
    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Digits(Dataset):
    """scikit-learn's 1,797 grey images of the digits 0 to 9, 8×8 pixels each.

    Counts of ink from 0 to 16 are scaled to 0..255 and rounded. The data is the test set of
    "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998, UCI repository), which
    scikit-learn ships.
    """

    split: Literal["all", "train", "test"] = "all"
    """"test" is every fifth image (359), "train" the others (1,438), "all" both."""

    def load(self, context: Context) -> Data:
        """Images uint8 ``[N, 1, 8, 8]``, labels 0 to 9 as int64 ``[N]``."""
        import numpy as np
        import torch
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, None]
        in_test = np.arange(len(images)) % 5 == 4
        chosen = {"all": in_test | ~in_test, "train": ~in_test, "test": in_test}[self.split]
        return Data(
            x=torch.from_numpy(images[chosen]),
            labels=torch.from_numpy(digits.target[chosen].astype(np.int64)),
            value_range=(0, 255),
        )
