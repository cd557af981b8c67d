"""What a step costs: samples that pass forward through G or D."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from algan_lite.core.checks import check_kind
from algan_lite.data.plane import ring
from algan_lite.models.pairs import mlp_pair
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import six_steps
from algan_lite.training.state import TrainState


def passes_a_step(config: TrainConfig) -> float:
    """Count what passes forward through G and D in one step, in batches.

    A plain step costs 4: G makes fakes, D judges reals and fakes, and the fakes once more after its update. One step of
    a tiny pair is taken and its networks are watched, so whatever the settings ask for counts: candidates, further
    steps of D, points of a penalty. Backward passes do not count.

    Args:
        config: The settings.

    Returns:
        Samples through G plus samples through D, over ``batch_size``; > 0.

    Raises:
        TypeError: If ``config`` is no TrainConfig.

    Examples:
        >>> passes_a_step(TrainConfig())
        4.0
        >>> passes_a_step(TrainConfig(strategy="top_k", pool_factor=2))
        9.0
    """
    return samples_a_step(config) / config.batch_size


def samples_a_step(config: TrainConfig) -> int:
    """Return the samples that pass forward through G or D in one step; errors as for ``passes_a_step``."""
    check_kind("config", config, TrainConfig, "a TrainConfig")
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        counted.append(inputs[0].shape[:-1].numel())

    G, D = mlp_pair(width=4, depth=1, num_heads=2)  # a committee, for the strategy that asks one
    for layers in (G.body, D.trunk):  # what every way to call a network goes through
        layers.register_forward_hook(count)
    # What costs nothing must not end the step: rates that diverge, a schedule, a stopping rule.
    lams = dict.fromkeys(config.regularizers, 1.0)
    # Any augmentation will do: none passes through G or D, but a choice then needs a pass of its own.
    augment = {"augment": ("jitter",) if config.augment else (), "augment_p": 1.0}
    one = replace(config, num_steps=1, lr=1e-3, lr_D=None, regularizers=lams, equilibrium=None, **augment)
    six_steps(G, D, ring(), TrainState.start(G, D, one, 0), range(1), [])
    return sum(counted)


def equal_passes(config: TrainConfig, like: TrainConfig) -> TrainConfig:
    """Return settings with as many steps as make them cost what ``like`` costs.

    Nothing else changes: a schedule of lambda and ``steps_per_epoch`` still count steps.

    Args:
        config: The settings that get other ``num_steps``, at least 1.
        like: Whose samples through G and D, summed over all its steps, are matched to the nearest step.

    Raises:
        TypeError: If one is no TrainConfig.

    Example:
        >>> equal_passes(TrainConfig(strategy="top_k", pool_factor=2), TrainConfig(num_steps=2000)).num_steps
        889
    """
    check_kind("like", like, TrainConfig, "a TrainConfig")
    step = samples_a_step(config)
    return replace(config, num_steps=max(1, round(like.num_steps * samples_a_step(like) / step)))
