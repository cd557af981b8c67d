"""What can be one graph: asked once at the doors of the room."""

from __future__ import annotations

import torch
from torch import nn

from algan_lite.core.checks import check_shape
from algan_lite.models.doors import check_pair, try_out
from algan_lite.models.networks import check_module, is_dense
from algan_lite.training.config import TrainConfig


def check_graph(config: TrainConfig, G: nn.Module, D: nn.Module) -> None:
    """Refuse what cannot be one graph.

    Raises:
        ValueError: If the settings or networks cannot be; the message says which and why.
        TypeError: If an argument is of another kind.
    """
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config must be a TrainConfig; got {type(config).__name__}")
    if config.d_steps != 1:
        raise ValueError(f"d_steps must be 1 in an exported step; got {config.d_steps}")
    if config.augment:
        names = ", ".join(entry.name for entry in config.augment)
        raise ValueError(f"augment must be empty in an exported step; got {names}")
    if config.balance is not None:
        raise ValueError(
            f"balance must be None in an exported step, which reads no dials; got {type(config.balance).__name__}"
        )
    config.lams(0, "cpu", getattr(G, "runs", None))
    for player, net in (("G", G), ("D", D)):
        check_module(player, net)
        if not list(net.parameters()):
            raise ValueError(f"{player} must have weights to train; got {type(net).__name__} without")
        if hasattr(net, "runs") and not is_dense(net.member(0)):
            raise ValueError(f"{player} must be an ensemble of dense networks (al.models.Linear); got others")
        if held := [name for name, _ in net.named_buffers()]:
            raise ValueError(f"{player} must hold no buffers, which a state leaves out; got {', '.join(held)}")
        for name, weight in net.named_parameters():
            if weight.dtype != torch.float32 or not weight.requires_grad:
                what = f"{weight.dtype}, requires_grad={weight.requires_grad}"
                raise ValueError(f"weights of {player} must be float32 and require gradients; got {name}: {what}")
    if {id(weight) for weight in G.parameters()} & {id(weight) for weight in D.parameters()}:
        raise ValueError("G and D must be two networks with weights of their own; got shared ones")
    check_pair(G, D)
    if not hasattr(G, "sample_shape"):
        raise TypeError(f"G must have sample_shape, such as (2,), for a graph; got {type(G).__name__} without")
    try_out(G, D, 2, check_shape("G.sample_shape", G.sample_shape))
