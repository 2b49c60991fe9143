"""Modules of PyTorch that the tests save; imported only where PyTorch is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


class Net(torch.nn.Module):
    """Two layers that share their weights, and a buffer of whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.first = torch.nn.Linear(3, 3)
        self.second = torch.nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = torch.nn.BatchNorm1d(3)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.norm(self.second(torch.relu(self.first(rows))))


class Wider(Net):
    """What the weights of `Net` do not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.third = torch.nn.Linear(3, 1)


class Noting(Net):
    """A module whose state holds more than tensors."""

    def get_extra_state(self) -> Mapping[str, Any]:
        return {"epoch": 3}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        self.epoch = state["epoch"]


class Two(torch.nn.Module):
    """Two inputs by name, two outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sum": self.layer(left) + right, "count": torch.ones(len(left))}
