"""The training step and the view as pure functions of tensors, ready to be traced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from algan_lite.export.spec import AVERAGES, TOTALS, group_sizes, run_axis
from algan_lite.objective.batch import Batch, judge, pull
from algan_lite.objective.losses import resolve_loss
from algan_lite.objective.players import objective
from algan_lite.training.adam import adam
from algan_lite.training.config import TrainConfig
from algan_lite.training.step import Step

Tensors = Mapping[str, Tensor]


def training_step(now: Step) -> Callable[[Tensors], dict[str, Tensor]]:
    """Return one step of ``train()`` as a function from named inputs to named outputs: see ``export.training_step``."""
    sizes, step = group_sizes(now.config, now.G, now.D), step_by_groups(now)

    def whole(inputs: Tensors) -> dict[str, Tensor]:
        new, told = step(dict(zip(sizes, inputs["state"].split(list(sizes.values()), -1), strict=True)), inputs)
        return {"new_state": torch.cat([new[group] for group in sizes], -1), **told}

    return whole


def step_by_groups(now: Step) -> Callable[[Tensors, Tensors], tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Return one step as a function of the state's groups, (..., S_group), and the other inputs; it gives new groups.

    A graph of its own for an engine spares the state's being cut and joined: a twentieth of a step.
    """
    G, D, config = now.G, now.D, now.config
    pair = Pair(G, D)

    def D_half(drawn: Batch, keep: Tensor | None, lams: Tensors) -> tuple[Any, ...]:
        chosen = now.choose(drawn, keep)
        x_fake = G(chosen.z) if chosen.x_fake is None else chosen.x_fake
        batch = now.classify(drawn, chosen, x_fake)
        return (batch, chosen, x_fake), objective("D", G, D, batch, lams)

    def G_half(seen: tuple[Any, ...], lams: Tensors) -> dict[str, Tensor]:
        return objective("G", G, D, now.reclassify(*seen), lams)

    def step(old: Tensors, inputs: Tensors) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        lams = {name: inputs[f"lam_{name}"] for name in config.regularizers}
        averages = dict(zip(AVERAGES, old["averages"].unbind(-1), strict=True)) if "averages" in old else {}
        optional = (inputs.get(name) for name in ("selection_noise", "z2", "noise"))
        drawn = Batch(inputs["x_real"], now.loss, inputs["z_pool"], *optional, averages)
        theta = {player: old[player].detach().requires_grad_() for player in "GD"}
        lent = {player: pair.pieces(player, theta[player]) for player in "GD"}

        def descend(player: str, total: Tensor) -> dict[str, Tensor]:
            (gradient,) = torch.autograd.grad(total.sum(), theta[player], retain_graph=True)
            moments = old[f"m_{player}"], old[f"v_{player}"]
            lr = inputs[f"lr_{player}"]
            lr = lr.unsqueeze(-1) if lr.ndim else lr  # a row a run
            new = adam(old[player], gradient, *moments, lr, inputs["step"], config.betas)
            return dict(zip((player, f"m_{player}", f"v_{player}"), new, strict=True))

        seen, terms_D = pair.lend(lent, D_half, drawn, inputs.get("keep"), lams)
        new = descend("D", terms_D["total"])
        lent["D"] = pair.pieces("D", new["D"].detach().requires_grad_())
        terms_G = pair.lend(lent, G_half, seen, lams)
        new |= descend("G", terms_G["total"])
        new["G_ema"] = torch.lerp(old["G_ema"], new["G"], 1 - config.ema_decay)
        batch, chosen, _ = seen
        if averages:
            new["averages"] = torch.stack([batch.state[name] for name in AVERAGES], -1)
        told = {f"{what}_D": terms_D[what] for what in TOTALS} | {f"{what}_G": terms_G[what] for what in TOTALS}
        told |= {f"R_{name}": (terms_G | terms_D)[name] for name in lams}
        told |= {"logit_real": batch.logits_real.mean(-1), "logit_fake": batch.logits_fake.mean(-1)}
        return new, {name: value.detach() for name, value in told.items()} | {"chosen": chosen.indices}

    return step


def view(G: nn.Module, D: nn.Module, config: TrainConfig) -> Callable[[Tensors], dict[str, Tensor]]:
    """Return what a picture shows of a state, as a function from named inputs to named outputs: see ``export.view``."""
    pair, sizes, loss, lead = Pair(G, D), group_sizes(config, G, D), resolve_loss(config.loss), run_axis(G)

    def look(x: Tensor, z: Tensor) -> dict[str, Tensor]:
        x_fake = G(z).detach()
        fake, slope = pull(D, x_fake, loss, (*lead, *z.shape[:-1]))
        return {
            "logits_x": judge(D, x, (*lead, len(x))).logits.detach(),
            "fakes": x_fake,
            "logits_fakes": fake.logits.detach(),
            "arrows": -slope,
        }

    def view(inputs: Tensors) -> dict[str, Tensor]:
        both = inputs["state"][..., : sizes["G"] + sizes["D"]].split([sizes["G"], sizes["D"]], -1)
        lent = {player: pair.pieces(player, flat) for player, flat in zip("GD", both, strict=True)}
        return pair.lend(lent, look, inputs["x"], inputs["z"])

    return view


class Pair(nn.Module):
    """G and D under one roof, so that weights can be lent to both at once."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        super().__init__()
        self.G, self.D = G, D

    def forward(self, ask: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever ask returns
        """Return ``ask(*args)``."""
        return ask(*args)

    def pieces(self, player: str, flat: Tensor) -> dict[str, Tensor]:
        """Cut flat vectors (..., S) into the player's weights."""
        own = dict(self.get_submodule(player).named_parameters())
        parts = flat.split([weight.numel() // max(1, flat[..., 0].numel()) for weight in own.values()], -1)
        return {f"{player}.{name}": part.reshape(own[name].shape) for name, part in zip(own, parts, strict=True)}

    def lend(self, weights: Mapping[str, Tensors], ask: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
        """Ask while the two networks have other weights, player -> name -> weight."""
        return functional_call(self, weights["G"] | weights["D"], (ask, *args))
