"""Ensembles: run k is the network alone, and runs never meet."""

from __future__ import annotations

import pytest
import torch
from helpers import assert_near, normal, slices, untouched
from models.shared import Case, every_pair, slope_penalty, spectral_weights
from torch import Tensor, nn

from algan_lite import models


def test_spectral_norm_in_an_ensemble_in_train_mode_after_an_update() -> None:
    _, Ds = models.ensemble(models.conv_pair, runs=2, latent_dim=3, channels=2, spectral_norm=True)
    Ds.train()
    optimizer = torch.optim.Adam(Ds.parameters(), lr=0.1)
    slope_penalty(Ds, normal(2, 2, 1, 28, 28)).sum().backward()
    optimizer.step()
    for k in range(2):
        for weight in spectral_weights(Ds.member(k)):
            assert torch.linalg.svdvals(weight.detach())[0].item() == pytest.approx(1, abs=1e-5)


class WithBuffer(nn.Module):
    latent_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(2, 2), nn.BatchNorm1d(2)


class TestEnsemble:
    def test_buffers_are_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match=r"members must have no buffers .*running_mean"):
            models.Ensemble([WithBuffer(), WithBuffer()])

    def test_a_member_has_weights_of_its_own(self) -> None:
        Gs, _ = models.ensemble(models.mlp_pair, runs=2, latent_dim=2, sample_shape=(2,))
        before = [weight.detach().clone() for weight in Gs.parameters()]
        with torch.no_grad():
            for weight in Gs.member(1).parameters():
                weight.zero_()
        assert all(torch.equal(old, new) for old, new in zip(before, Gs.parameters(), strict=True))

    def test_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 1 network; got none"):
            models.Ensemble([])

    def test_the_runs_axis_must_fit(self) -> None:
        Gs, Ds = models.ensemble(models.mlp_pair, runs=3, width=4)
        for net in (Gs, Ds):
            with pytest.raises(ValueError, match=r"the runs axis must have length 3; got shape \(2, 5, 2\)"):
                net(torch.zeros(2, 5, 2))

    def test_seeds_are_one_a_run(self) -> None:
        Gs, _ = models.ensemble(models.mlp_pair, seed=[7, 7, 2], width=4)
        first = next(Gs.parameters())
        assert Gs.runs == 3
        assert torch.equal(first[0], first[1])
        assert torch.equal(Gs.member(2).body[0].weight, models.mlp_pair(seed=2, width=4)[0].body[0].weight)
        with pytest.raises(ValueError, match="seed must hold 2 seeds, one a run; got 3"):
            models.ensemble(models.mlp_pair, runs=2, seed=[1, 2, 3])
        with pytest.raises(ValueError, match=r"runs must be in \[1, inf\); got 0"):
            models.ensemble(models.mlp_pair, runs=0)
        with pytest.raises(ValueError, match=r"k must be in \[0, 2\]; got 3"):
            Gs.member(3)

    def test_it_copies_its_members(self) -> None:
        G, _ = models.mlp_pair(width=4)
        Gs = models.Ensemble([G, G])
        with torch.no_grad():
            next(Gs.parameters()).zero_()
        assert next(G.parameters()).abs().min() > 0

    def test_a_network_of_the_users_own(self) -> None:
        members = [OwnD(seed) for seed in range(2)]
        x = normal(2, 5, 2)
        logits = models.Ensemble(members)(x)
        for k, member in enumerate(members):
            assert_near(logits[k], member(x[k]), 1e-6)


class OwnD(nn.Module):
    """A discriminator as users write it: PyTorch's layers, and nothing but ``sample_shape`` of ours."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.sample_shape = (2,)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


@every_pair
class TestEveryPairInAnEnsemble:
    def test_run_k_is_the_network_alone(self, case: Case) -> None:
        Gs, Ds = case.ensemble(3)
        z = normal(3, 4, case.latent_dim)
        with untouched(Gs, Ds):
            x = Gs(z)
            logits, heads, features = Ds(x), Ds.heads(x), Ds.features(x)
        assert x.shape == (3, 4, *case.shape)
        assert logits.shape == (3, 4)
        assert heads.shape == (Ds.num_heads, 3, 4)
        for k in range(3):
            G, D = case.pair(4 + k)
            assert_near(x[k], G(z[k]), 5e-6)
            assert_near(logits[k], D(x[k]))
            assert_near(heads[:, k], D.heads(x[k]))
            assert_near(features[k], D.features(x[k]), 1e-6)

    def test_gradients_of_a_run_are_those_of_the_network_alone(self, case: Case) -> None:
        _, Ds = case.ensemble(2)
        x = normal(2, 3, *case.shape)
        stacked = torch.autograd.grad(slope_penalty(Ds, x).sum(), list(Ds.parameters()))
        for k in range(2):
            _, D = case.pair(4 + k)
            alone = torch.autograd.grad(slope_penalty(D, x[k]), list(D.parameters()))
            for mine, its in zip(stacked, alone, strict=True):
                assert_near(mine[k], its)

    def test_member_is_an_equal_network_with_weights_of_its_own(self, case: Case) -> None:
        Gs, Ds = case.ensemble(2)
        z = normal(3, case.latent_dim)
        for k in range(2):
            pair = case.pair(4 + k)
            for nets, alone in zip((Gs, Ds), pair, strict=True):
                assert all(torch.equal(mine, its) for mine, its in slices(k, nets, alone))
            member = Gs.member(k)
            assert_near(member(z), Gs(z)[k], 5e-6)
            with torch.no_grad():
                next(member.parameters()).zero_()
            assert_near(Gs(z)[k], pair[0](z), 5e-6)

    def test_an_input_without_runs_axis_goes_to_every_run(self, case: Case) -> None:
        Gs, Ds = case.ensemble(2)
        z, x = normal(3, case.latent_dim), normal(3, *case.shape)
        torch.testing.assert_close(Gs(z), Gs(torch.stack([z, z])))
        torch.testing.assert_close(Ds(x), Ds(torch.stack([x, x])))
