"""Each term by hand, and the contract over all of them."""

from __future__ import annotations

import pytest
import torch
from helpers import assert_near, normal, tiny, untouched
from objective.shared import moved_for, some_batch, value_of
from torch import Tensor, nn

import algan_lite as al
from algan_lite.objective.batch import Batch, View, judge
from algan_lite.objective.losses import LOSSES
from algan_lite.objective.regularizers import REGULARIZERS, WITHOUT_MOVES

every_regularizer = pytest.mark.parametrize("name", REGULARIZERS)


class LinearD(nn.Module):
    """D(x) = w . x."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.w).sum(-1)


class LinearG(nn.Module):
    """G(z) = z A + b."""

    def __init__(self, A: Tensor, b: Tensor | None = None) -> None:
        super().__init__()
        self.A, self.b = nn.Parameter(A), nn.Parameter(torch.zeros(A.shape[-1]) if b is None else b)
        self.latent_dim = A.shape[-2]

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.A + self.b


@pytest.mark.parametrize("size", [1, 4, 16])
@pytest.mark.parametrize("length", [1.0, 0.25, 3.0])
def test_linear_critic_has_the_same_penalty_for_every_batch_size(size: int, length: float) -> None:
    w = normal(5, seed=3).double()
    D = LinearD(length * w / w.norm())
    G = LinearG(normal(2, 5, seed=4).double())
    batch = al.make_batch(G, D, normal(size, 5).double(), normal(size, 2, seed=1).double())
    for name, expected in (("r1", length**2), ("r2", length**2), ("wgan_gp", (length - 1) ** 2)):
        assert value_of(name, G, D, batch).item() == pytest.approx(expected, abs=1e-12)
    assert value_of("dragan", G, D, batch).item() == pytest.approx((length - 1) ** 2, abs=1e-12)


def test_penalties_are_taken_where_they_say() -> None:
    class Square(nn.Module):  # D(x) = x^2 / 2 has slope x: a penalty tells where it looked
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.one * x.square().sum(-1) / 2

    G, D = LinearG(torch.ones(1, 1), torch.tensor([10.0])), Square()
    real = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    batch = al.make_batch(G, D, real, torch.tensor([[0.0], [1.0], [2.0], [3.0]]), seed=3)
    fake, u = batch.x_fake.detach(), batch.noise
    torch.testing.assert_close(value_of("r1", G, D, batch), real.square().mean())
    torch.testing.assert_close(value_of("r2", G, D, batch), fake.square().mean())
    between = u * real + (1 - u) * fake
    torch.testing.assert_close(value_of("wgan_gp", G, D, batch), (between.abs() - 1).square().mean())
    around = real + (real - real.mean()).square().mean().sqrt() * (u - 0.5)
    torch.testing.assert_close(value_of("dragan", G, D, batch), (around.abs() - 1).square().mean())


def test_wgan_gp_draws_one_share_a_sample_and_not_one_a_coordinate() -> None:
    class Slopes(nn.Module):  # keeps what it is asked about
        def forward(self, x: Tensor) -> Tensor:
            self.seen = x
            return x.sum(-1)

    G, D = LinearG(torch.eye(2)), Slopes()
    batch = al.make_batch(G, D, torch.ones(50, 2), torch.zeros(50, 2))
    value_of("wgan_gp", G, D, batch)
    assert torch.equal(D.seen[:, 0], D.seen[:, 1])
    assert D.seen[:, 0].unique().numel() == 50
    assert 0 <= D.seen.min() < 0.2 < 0.8 < D.seen.max() <= 1
    value_of("dragan", G, D, batch._replace(x_real=normal(50, 2).requires_grad_()))
    assert not torch.equal(D.seen[:, 0] - batch.x_real[:, 0], D.seen[:, 1] - batch.x_real[:, 1])


@pytest.mark.parametrize("scale", [0.01, 1.0, 50.0])
def test_mode_seeking_of_a_scaled_rotation(scale: float) -> None:
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    G, D = LinearG(scale * turn, torch.ones(2)), LinearD(torch.ones(2))
    batch = al.make_batch(G, D, normal(9, 2), normal(9, 2, seed=1))
    torch.testing.assert_close(value_of("mode_seeking", G, D, batch).item(), 1 / (scale + 1e-5), rtol=1e-5, atol=0)


def test_mode_seeking_of_a_collapsed_generator_is_its_ceiling_with_finite_gradients() -> None:
    G, D = LinearG(torch.zeros(2, 2)), LinearD(torch.ones(2))
    value = value_of("mode_seeking", G, D, al.make_batch(G, D, normal(9, 2), normal(9, 2, seed=1)))
    assert value.item() == pytest.approx(1e5, rel=1e-5)
    assert all(bool(torch.isfinite(g).all()) for g in torch.autograd.grad(value, [G.A]))
    batch = al.make_batch(G, D, normal(9, 2), normal(9, 2, seed=1))
    assert value_of("mode_seeking", G, D, batch._replace(z2=batch.z)).item() == 0


@pytest.mark.parametrize("name", ["r1", "r2", "wgan_gp", "dragan"])
def test_a_flat_critic_has_finite_gradients(name: str) -> None:
    G, D = LinearG(normal(2, 2)), LinearD(torch.zeros(2))  # the root of a sum of squares would give NaN here
    value = value_of(name, G, D, al.make_batch(G, D, normal(9, 2), normal(9, 2, seed=1)))
    assert value.item() == (1 if name in ("wgan_gp", "dragan") else 0)
    assert bool(torch.isfinite(torch.autograd.grad(value, D.w)[0]).all())


def test_lecam_by_hand() -> None:
    G, D = LinearG(torch.eye(1)), LinearD(torch.ones(1))
    batch = al.make_batch(G, D, torch.tensor([[1.0], [-2.0], [0.5]]), torch.tensor([[0.0], [3.0], [-1.0]]))
    batch = batch._replace(state={"real": torch.tensor(2.0), "fake": torch.tensor(-1.0)})
    reals = (2.0**2 + 0 + 1.5**2) / 3  # 1, -2 and 0.5 above -1
    fakes = (2.0**2 + 0 + 3.0**2) / 3  # 0, 3 and -1 below 2
    assert value_of("lecam", G, D, batch).item() == pytest.approx(reals + fakes, abs=1e-6)


def test_transport_of_a_linear_pair_and_its_gradients_for_both_players() -> None:
    """g = A w at every z, so that the move is a g / (|g|^2 + b): a function of both players' weights."""
    A, w = normal(3, 2, seed=3).double(), normal(2, seed=4).double()
    G, D, z = LinearG(A), LinearD(w), normal(6, 3).double()
    moved = al.select_noise(G, D, z, 6, "latent_ascent", through=True, alpha=0.9, beta=0.1, clip=1e9)
    batch = al.make_batch(G, D, normal(6, 2).double(), z)._replace(z=moved.z, z_start=z)
    value = value_of("transport", G, D, batch)
    twin_A, twin_w = A.clone().requires_grad_(), w.clone().requires_grad_()
    size = (twin_A @ twin_w).square().sum()
    by_hand = 0.81 * size / (size + 0.1) ** 2
    torch.testing.assert_close(value, by_hand)
    mine, its = torch.autograd.grad(value, [G.A, D.w]), torch.autograd.grad(by_hand, [twin_A, twin_w])
    for one, other in zip(mine, its, strict=True):
        torch.testing.assert_close(one, other)
        assert other.abs().max() > 1e-3
    assert value_of("transport", G, D, batch._replace(z_start=None)).item() == 0


def test_what_needs_no_move_is_offered_where_none_moves() -> None:
    assert set(REGULARIZERS) - set(WITHOUT_MOVES) == {"transport"}


def consensus_twin(G: nn.Module, D: nn.Module, x: Tensor, z: Tensor, loss: str) -> Tensor:
    """Half the sum of every squared partial derivative, parameter by parameter."""
    total = torch.zeros(())
    for player, net in (("D", D), ("G", G)):
        for parameter in net.parameters():
            pair = LOSSES[loss]
            value = getattr(pair, player)(D(x), D(G(z)))
            (gradient,) = torch.autograd.grad(value, parameter, create_graph=True)
            total = total + sum(entry**2 for entry in gradient.flatten()) / 2
    return total


@pytest.mark.parametrize("loss", ["non_saturating", "hinge", "relativistic"])
def test_consensus_is_half_the_squared_gradient_field(loss: str) -> None:
    G, D = tiny(seed=5, width=3)
    batch = some_batch(G, D, 6, loss=loss)
    value = value_of("consensus", G, D, batch)
    twin = consensus_twin(G, D, batch.x_real.detach(), batch.z, loss)
    torch.testing.assert_close(value, twin)
    parameters = [*G.parameters(), *D.parameters()]
    for mine, its in zip(torch.autograd.grad(value, parameters), torch.autograd.grad(twin, parameters), strict=True):
        torch.testing.assert_close(mine, its)


def run_of(batch: Batch, G: nn.Module, D: nn.Module, k: int) -> Batch:
    """Return run k's share of an ensemble's batch, made by its own two networks."""
    x_real, x_fake = batch.x_real[k].detach().requires_grad_(), G(batch.z[k])
    views = {"real": judge(D, x_real, x_real.shape[:1]), "fake": judge(D, x_fake, x_fake.shape[:1])}
    drawn = {"z2": batch.z2[k], "noise": batch.noise[k], "state": {name: v[k] for name, v in batch.state.items()}}
    return Batch(x_real, batch.loss, **drawn, z=batch.z[k], x_fake=x_fake, **views)


@every_regularizer
class TestContract:
    @pytest.mark.parametrize("num_heads", [1, 2])
    def test_each_run_alone_equals_its_slice_with_its_gradients(self, name: str, num_heads: int) -> None:
        Gs, Ds = tiny(runs=3, seed=2, num_heads=num_heads)
        batch = some_batch(Gs, Ds, 3, 5)
        value = value_of(name, Gs, Ds, moved_for(name, Gs, Ds, batch))
        assert value.shape == (3,)
        parameters = [*Gs.parameters(), *Ds.parameters()]
        together = torch.autograd.grad(value.sum(), parameters, allow_unused=True)
        for k in range(3):
            G, D = tiny(seed=2 + k, num_heads=num_heads)
            alone = value_of(name, G, D, moved_for(name, G, D, run_of(batch, G, D, k)))
            assert alone.shape == ()
            assert_near(value[k], alone)
            gradients = torch.autograd.grad(alone, [*G.parameters(), *D.parameters()], allow_unused=True)
            for mine, its in zip(together, gradients, strict=True):
                assert (mine is None) == (its is None)
                if mine is not None:
                    assert_near(mine[k], its, 1e-4)

    def test_not_negative_repeatable_and_nothing_modified(self, name: str) -> None:
        for runs, lead in ((None, ()), (2, (2,))):
            G, D = tiny(runs=runs)
            G.eval()
            batch = some_batch(G, D, *lead, 5)
            before = [t.detach().clone() for t in (batch.x_real, batch.x_fake, batch.z, batch.z2, batch.noise)]
            with untouched(G, D):
                value = value_of(name, G, D, batch)
                again = value_of(name, G, D, batch)
            assert torch.equal(value, again)
            assert bool((value >= 0).all())
            after = (batch.x_real, batch.x_fake, batch.z, batch.z2, batch.noise)
            assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
            assert batch.x_real.grad is None

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_dtype_is_kept(self, name: str, dtype: torch.dtype) -> None:
        G, D = (net.to(dtype) for net in tiny())
        batch = al.make_batch(G, D, normal(5, 2).to(dtype), normal(5, 3, seed=1).to(dtype))
        assert value_of(name, G, D, batch).dtype == dtype

    def test_it_needs_only_what_it_says(self, name: str) -> None:
        entry, (G, D) = REGULARIZERS[name], tiny()
        full = some_batch(G, D, 5)
        assert entry.needs <= {"x_real", "z2", "noise", "state", "logits_real", "z_start"}
        x_real = full.x_real if "x_real" in entry.needs else full.x_real.detach()
        view = judge(D, x_real, x_real.shape[:1])
        if entry.player == "G" and "logits_real" not in entry.needs:
            view = View(view.logits.detach())
        kept = {field: None if field not in entry.needs else getattr(full, field) for field in ("z2", "noise")}
        state = full.state if "state" in entry.needs else {}
        bare = full._replace(x_real=x_real, real=view, state=state, **kept)
        torch.testing.assert_close(entry.fn(G, D, bare), entry.fn(G, D, full))


@pytest.mark.parametrize("name", ["r1", "r2", "wgan_gp", "dragan"])
def test_penalties_refuse_logits_in_a_column_by_themselves(name: str) -> None:
    G, D = tiny()
    batch, column = some_batch(G, D, 5), nn.Linear(2, 1)
    if name in ("r1", "r2"):
        batch = batch._replace(real=View(column(batch.x_real)), fake=View(column(batch.x_fake)))
    with pytest.raises(ValueError, match=r"D must return one logit a sample.*got \(5, 1\)"):
        value_of(name, G, column, batch)


def test_wgan_gp_needs_as_many_fakes_as_reals() -> None:
    G, D = tiny()
    batch = some_batch(G, D, 5)._replace(x_fake=G(normal(4, 3)))
    with pytest.raises(ValueError, match=r"as many fakes as reals; got \(5, 2\) and \(4, 2\)"):
        value_of("wgan_gp", G, D, batch)
