"""R independent copies of a network, run as one."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from algan_lite.core.checks import check_integer, check_list, check_tensor, shown
from algan_lite.models.doors import duplicate
from algan_lite.models.networks import MODELESS, is_dense


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
        members: R networks of one architecture, without buffers, that say their ``latent_dim`` (generators) or
            ``sample_shape`` (discriminators).

    Raises:
        TypeError: If a member is no network, or says neither.
        ValueError: If there is no member, a member has buffers (BatchNorm, for instance), or they differ in more than
            their weights.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        members = _check_members(members)
        calls = [_Call(member) for member in members]
        params, buffers = stack_module_state(calls)
        if buffers:
            raise ValueError(f"members must have no buffers (no BatchNorm); got {', '.join(buffers)}")
        self.runs, self._dense = len(members), is_dense(members[0])
        # The num_heads of somebody's own network may be that of its attention.
        heads = ("num_heads",) if inspect.ismethod(getattr(members[0], "heads", None)) else ()
        for name in ("latent_dim", "sample_shape", *heads):
            if hasattr(members[0], name):
                setattr(self, name, getattr(members[0], name))
        self._names = list(params)
        self._template = (duplicate(calls[0]).to("meta"),)  # in a tuple: not a submodule
        trained = {name: weight.requires_grad for name, weight in calls[0].named_parameters()}
        for name, value in params.items():
            weight = nn.Parameter(value.detach().clone(), requires_grad=trained[name])
            self.register_parameter(name.replace(".", "/"), weight)

    def extra_repr(self) -> str:
        """Say how many runs there are, and of which network."""
        return f"runs={self.runs}, {self._template[0].net!r}"

    @property
    def template(self) -> nn.Module:
        """The layers that the runs share, without weights; no submodule, but some may notice their mode."""
        return self._template[0].net

    def _weights(self) -> dict[str, Tensor]:
        return dict(zip(self._names, self._parameters.values(), strict=True))

    def weights(self) -> dict[str, Tensor]:
        """Return the stacked weights, (R, ...), by their names in a member."""
        return {name.removeprefix("net."): weight for name, weight in self._weights().items()}

    def _call(self, x: Tensor, method: str, own_ndim: int) -> Tensor:
        def one(weights: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(self._template[0], weights, (x, method))

        check_tensor("x", x)
        if x.ndim == own_ndim:
            x = x.expand(self.runs, *x.shape)
        if x.ndim <= own_ndim or x.shape[0] != self.runs:
            raise ValueError(f"the runs axis must have length {self.runs}; got shape {tuple(x.shape)}")
        if self._dense:  # its layers take the runs axis themselves, faster than vmap
            return one(self._weights(), x)
        # Dropout draws as it does in one network: for every run anew.
        return vmap(one, out_dims=int(method == "heads"), randomness="different")(self._weights(), x)

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
        call = duplicate(self._template[0]).to_empty(device=device)
        call.load_state_dict(weights)
        return call.net


MODELESS.add(Ensemble)


def _check_members(members: object) -> list[nn.Module]:
    """Return the members if they can be stacked."""
    takes = "a sequence of networks"
    if isinstance(members, nn.Module) and not isinstance(members, nn.ModuleList):
        raise TypeError(f"members must be {takes}; got {shown(members)}")
    members = check_list("members", members, takes)
    if not members:
        raise ValueError("members must hold at least 1 network; got none")
    for member in members:
        if not isinstance(member, nn.Module):
            raise TypeError(f"members must be networks, each a torch.nn.Module; got {shown(member)}")
        if not hasattr(member, "latent_dim") and not hasattr(member, "sample_shape"):
            raise TypeError(
                "members must have latent_dim (a G) or sample_shape (a D), so that a runs axis can be told; "
                f"got {type(member).__name__} with neither"
            )
    kinds = {(type(one), one.training, _shapes(one)) for one in members}
    if len(kinds) > 1:
        names = sorted({type(member).__name__ for member in members})
        raise ValueError(
            "members must be of one class and architecture, all in training mode or none; got "
            f"{len(kinds)} kinds of {', '.join(names)}"
        )
    return members


def _shapes(net: nn.Module) -> tuple[tuple[str, tuple[int, ...], bool], ...]:
    return tuple((name, tuple(weight.shape), weight.requires_grad) for name, weight in net.named_parameters())
