"""R independent copies of a network, run as one."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from algan_lite.core.checks import check_integer
from algan_lite.models.networks import is_dense


class _Call(nn.Module):
    """A network whose other methods can be called through ``functional_call`` too."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, method: str) -> Tensor:
        return getattr(self.net, method)(x)


class Ensemble(nn.Module):
    """R independent copies of one network, run as one batched call; run k never sees another run.

    Inputs gain a leading runs axis: latents (R, N, latent_dim), samples (R, N, *sample). An input without
    it is given to every run. Parameters are stacked, (R, ...), so one optimizer trains all runs.

    Args:
        members: R networks of one architecture, without buffers.

    Raises:
        ValueError: If there is no member, or a member has buffers (BatchNorm, for instance).
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ValueError("members must hold at least 1 network; got none")
        calls = [_Call(member) for member in members]
        params, buffers = stack_module_state(calls)
        if buffers:
            raise ValueError(f"members must have no buffers (no BatchNorm); got {', '.join(buffers)}")
        self.runs, self._dense = len(members), is_dense(members[0])
        for name in ("latent_dim", "sample_shape", "num_heads"):
            if hasattr(members[0], name):
                setattr(self, name, getattr(members[0], name))
        self._names = list(params)
        self._template = (copy.deepcopy(calls[0]).to("meta"),)  # in a tuple: not a submodule
        for name, value in params.items():
            self.register_parameter(name.replace(".", "/"), nn.Parameter(value.detach().clone()))

    def extra_repr(self) -> str:
        """Say how many runs there are, and of which network."""
        return f"runs={self.runs}, {self._template[0].net!r}"

    def _weights(self) -> dict[str, Tensor]:
        return dict(zip(self._names, self._parameters.values(), strict=True))

    def _call(self, x: Tensor, method: str, own_ndim: int) -> Tensor:
        def one(weights: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(self._template[0], weights, (x, method))

        if x.ndim == own_ndim:
            x = x.expand(self.runs, *x.shape)
        if x.shape[0] != self.runs:
            raise ValueError(f"the runs axis must have length {self.runs}; got shape {tuple(x.shape)}")
        if self._dense:  # its layers take the runs axis themselves, faster than vmap
            return one(self._weights(), x)
        return vmap(one, out_dims=int(method == "heads"))(self._weights(), x)

    def forward(self, x: Tensor) -> Tensor:
        """Return every run's output, (R, N, ...), for x (R, N, ...) or, shared by all runs, (N, ...)."""
        return self._call(x, "forward", self._own_ndim)

    def features(self, x: Tensor) -> Tensor:
        """Return every run's features of D, (R, N, num_features)."""
        return self._call(x, "features", self._own_ndim)

    def heads(self, x: Tensor) -> Tensor:
        """Return every head of every run's D, (H, R, N)."""
        return self._call(x, "heads", self._own_ndim)

    @property
    def _own_ndim(self) -> int:
        return 2 if hasattr(self, "latent_dim") else 1 + len(self.sample_shape)

    def member(self, k: int) -> nn.Module:
        """Return run k as a network of its own, with copied weights."""
        check_integer("k", k, 0, self.runs - 1)
        weights = {name: value[k].detach().clone() for name, value in self._weights().items()}
        device = next(self.parameters()).device
        call = copy.deepcopy(self._template[0]).to_empty(device=device)
        call.load_state_dict(weights)
        return call.net
