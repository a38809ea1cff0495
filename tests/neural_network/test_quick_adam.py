"""The optimiser of ``solver="adam"`` takes torch's steps."""

from __future__ import annotations

import copy

import pytest
import torch

from skastro.neural_network._quick_adam import QuickAdam


def train(optimizer_class, dtype=torch.float32, **settings):
    """Take twenty steps, with a parameter frozen now and then."""
    generator = torch.Generator().manual_seed(0)
    parameters = [
        torch.randn(shape, generator=generator).to(dtype).requires_grad_()
        for shape in ((5, 3), (5,))
    ]
    optimizer = optimizer_class(parameters, lr=1e-2, **settings)
    for number in range(20):
        optimizer.zero_grad(set_to_none=True)
        weights, bias = parameters
        (weights.sum(1) + bias).square().sum().backward()
        if number % 5 == 3:
            bias.grad = None
        if number == 10:
            optimizer.param_groups[0]["lr"] = 3e-3  # as a schedule does
        optimizer.step()
    return parameters, optimizer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_steps_are_torchs_to_the_bit(dtype):
    ours, optimizer = train(QuickAdam, dtype)
    theirs, peer = train(torch.optim.Adam, dtype, fused=True)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    ours_state, their_state = (o.state_dict()["state"] for o in (optimizer, peer))
    for key, state in their_state.items():
        for name, value in state.items():
            assert torch.equal(ours_state[key][name], value)


def test_a_closure_hooks_and_a_copy_work():
    parameters, optimizer = train(QuickAdam)
    called = []
    optimizer.register_step_post_hook(lambda *_: called.append(1))

    def closure():
        optimizer.zero_grad()
        loss = parameters[0].square().sum()
        loss.backward()
        return loss.detach()

    before = float(closure())
    assert float(optimizer.step(closure)) == before
    optimizer.step()
    assert len(called) == 2
    again = copy.deepcopy(optimizer)
    assert again.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]
    copies = again.param_groups[0]["params"]
    for parameter, other in zip(parameters, copies, strict=True):
        other.grad = parameter.grad
    again.step()
    optimizer.step()
    for parameter, other in zip(parameters, copies, strict=True):
        assert torch.equal(parameter, other)


@pytest.mark.parametrize("name", ["amsgrad", "maximize"])
def test_what_the_kernel_is_not_told_is_left_to_torch(name):
    ours, _ = train(QuickAdam, **{name: True})
    theirs, _ = train(torch.optim.Adam, fused=True, **{name: True})
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_scaled_gradients_are_left_to_torch():
    parameters = [torch.ones(3, requires_grad=True)]
    optimizer = QuickAdam(parameters, lr=0.1)
    parameters[0].grad = torch.ones(3)
    optimizer.step()
    optimizer.grad_scale = torch.tensor(1.0)
    optimizer.found_inf = torch.tensor(1.0)  # torch then takes no step
    before = parameters[0].clone()
    optimizer.step()
    assert torch.equal(parameters[0], before)


def test_two_dtypes_are_left_to_torch():
    parameters = [
        torch.ones(2, requires_grad=True),
        torch.ones(2, dtype=torch.float64, requires_grad=True),
    ]
    optimizer = QuickAdam(parameters, lr=0.1)
    for _ in range(3):
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    assert torch.allclose(parameters[0].double(), parameters[1])
