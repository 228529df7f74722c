"""The loop with another objective and source than the enhancers' own: a line through points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scotopic.configs.train_schema import TrainSettings
from scotopic.errors import ScotopicError
from scotopic.training.acceleration import start_accelerator
from scotopic.training.loop import Loop, Position, ahead
from scotopic.training.objectives.contract import Outcome

from .settings import changed

pytestmark = pytest.mark.usefixtures("one_thread")


class Points:
    """Seven points of the line y = 3 x - 1, as a dict of tensors."""

    fingerprint = "points"

    def describe(self) -> dict[str, Any]:
        return {"points": 7}

    def __len__(self) -> int:
        return 7

    def plan(self, epoch: int) -> list[float]:
        return torch.linspace(-1, 1, 7)[torch.randperm(7, generator=torch.Generator().manual_seed(epoch))].tolist()

    def make(self, entries: Sequence[float]) -> dict[str, Tensor]:
        x = torch.tensor(entries).unsqueeze(1)
        return {"x": x, "y": 3 * x - 1}


class SquaredError:
    """As regression has it, with the largest error beside it."""

    figures = ("absolute_error",)

    def describe(self) -> dict[str, Any]:
        return {}

    def __call__(self, net: nn.Module, batch: Any) -> Outcome:
        error = net(batch["x"]) - batch["y"]
        return Outcome(error.square().mean(), (error.detach().abs().mean(),))


def make_loop(settings: TrainSettings) -> Loop:
    net = nn.Linear(1, 1)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate)
    return Loop(start_accelerator("cpu", "no"), net, optimizer, SquaredError(), Points(), settings)


def run_epochs(loop: Loop, count: int) -> Position:
    position = Position()
    for _ in range(count):
        assert len(list(loop.epoch(position))) == loop.steps
    return position


@pytest.fixture
def line_settings(quick_settings: TrainSettings) -> TrainSettings:
    return changed(quick_settings, batch=3, epochs=100, learning_rate=0.05, gradient_clip=100.0)


def test_any_objective_learns_from_any_source_that_fits_it(line_settings: TrainSettings) -> None:
    loop = make_loop(line_settings)
    position = run_epochs(loop, 100)
    assert loop.columns == ("epoch", "learning_rate", "loss", "absolute_error")
    assert [row[0] for row in position.history] == list(range(1, 101))
    assert position.history[-1][3] < 0.05
    assert [round(parameter.item(), 1) for parameter in loop.net.parameters()] == [3.0, -1.0]


def test_the_table_holds_means_over_the_samples_not_over_the_batches(line_settings: TrainSettings) -> None:
    """With a vanishing learning rate the mean over 3 + 3 + 1 points is that over all seven."""
    row = run_epochs(make_loop(changed(line_settings, learning_rate=1e-12)), 1).history[0]
    y = 3 * torch.linspace(-1, 1, 7) - 1
    assert row[2:] == pytest.approx([float(y.square().mean()), float(y.abs().mean())], rel=1e-6)


def test_an_epoch_can_be_left_and_taken_up_at_any_step(line_settings: TrainSettings) -> None:
    straight, parted = make_loop(line_settings), make_loop(line_settings)
    expected = run_epochs(straight, 2)
    position = run_epochs(parted, 1)
    next(parted.epoch(position))
    assert position.step == 1
    taken_up = Position(position.history, position.step, position.sums)
    assert len(list(parted.epoch(taken_up))) == 2
    assert taken_up.history == expected.history
    assert all(torch.equal(a, b) for a, b in zip(straight.net.parameters(), parted.net.parameters(), strict=True))


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_parts_of_a_batch_add_up_to_it(line_settings: TrainSettings, parts: int) -> None:
    whole = run_epochs(make_loop(line_settings), 3)
    parted = run_epochs(make_loop(changed(line_settings, accumulation=parts)), 3)
    assert parted.history[-1] == pytest.approx(whole.history[-1], rel=1e-5)


def test_a_gradient_that_is_not_finite_stops_with_a_sentence(line_settings: TrainSettings) -> None:
    loop = make_loop(line_settings)
    next(loop.net.parameters()).data.fill_(float("nan"))
    with pytest.raises(ScotopicError, match=r"no longer finite in epoch 1 \(loss nan, gradient nan\)"):
        next(loop.epoch(Position()))


def test_what_goes_wrong_beside_the_loop_comes_out_in_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ScotopicError("a broken picture")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(ScotopicError, match="a broken picture"):
        next(coming)
