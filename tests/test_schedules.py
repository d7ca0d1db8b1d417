"""Schedules: where they begin and end, what lies between, and torch's where it has the same."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from small import seeds

from skdigits.component import InvalidParameterError
from skdigits.nn.optimizers import SGD, Adam
from skdigits.nn.schedules import (
    SCHEDULES,
    Adaptive,
    Clock,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    StepDecay,
    StepFunction,
    WarmRestarts,
)

shares = st.floats(0, 1)
steps_per_epoch = st.integers(1, 20)
FALLING = {
    "constant": st.builds(Constant),
    "invscaling": st.builds(InverseScaling, power=st.floats(0.1, 3)),
    "adaptive": st.builds(Adaptive),
    "step": st.builds(StepDecay, every=st.integers(1, 5), decay=st.floats(0.01, 1)),
    "exponential": st.builds(Exponential, decay=st.floats(0.1, 1)),
    "cosine": st.builds(Cosine, final=shares),
}
ANY = {
    **FALLING,
    "warm_restarts": st.builds(
        WarmRestarts, period=st.integers(1, 5), growth=st.floats(1, 3), final=shares
    ),
    "one_cycle": st.builds(OneCycle, rise=shares, start=shares, end=shares),
}


def clocks(per_epoch, epochs):
    """Return the clocks of all steps of a training."""
    return [Clock.at(step, per_epoch, epochs) for step in range(per_epoch * epochs)]


def rates(schedule, per_epoch, epochs, initial=1.0):
    return [schedule.rate(initial, clock) for clock in clocks(per_epoch, epochs)]


def test_every_schedule_is_among_those_tested():
    assert SCHEDULES.keys() == ANY.keys()


@pytest.mark.parametrize("name", ANY)
@given(data=st.data(), per_epoch=steps_per_epoch, epochs=st.integers(1, 12))
def test_rates_are_shares_of_the_initial_one(name, data, per_epoch, epochs):
    schedule = data.draw(ANY[name])
    schedule.validate()
    shares = rates(schedule, per_epoch, epochs)
    assert all(0 <= share <= 1 + 1e-12 for share in shares)
    assert rates(schedule, per_epoch, epochs, 0.25) == pytest.approx([0.25 * s for s in shares])


@pytest.mark.parametrize("name", FALLING)
@given(data=st.data(), per_epoch=steps_per_epoch, epochs=st.integers(1, 12))
def test_rates_fall_from_the_initial_one(name, data, per_epoch, epochs):
    shares = rates(data.draw(FALLING[name]), per_epoch, epochs)
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("name", ANY)
@given(data=st.data(), per_epoch=steps_per_epoch, warmup=st.floats(0, 5))
def test_warm_up_is_a_line_from_zero(name, data, per_epoch, warmup):
    schedule = data.draw(ANY[name])
    n_steps = math.ceil(warmup * per_epoch)
    first = schedule.factor(Clock.at(0, per_epoch, 8))
    warm = rates(schedule.set_params(warmup=warmup), per_epoch, 8)[:n_steps]
    ramp = [min(1, (i + 1) / (warmup * per_epoch)) for i in range(n_steps)]
    assert warm == pytest.approx([first * share for share in ramp])


@pytest.mark.parametrize("name", ANY)
@given(data=st.data(), per_epoch=steps_per_epoch, warmup=st.integers(0, 8))
def test_after_the_warm_up_comes_a_training_of_the_epochs_that_are_left(
    name, data, per_epoch, warmup
):
    schedule = data.draw(ANY[name])
    cold = rates(schedule, per_epoch, 8 - warmup)
    warm = rates(schedule.set_params(warmup=warmup), per_epoch, 8)
    assert warm[warmup * per_epoch :] == cold


@given(sizes=st.lists(steps_per_epoch, min_size=1, max_size=8), warmup=st.integers(0, 3))
def test_after_the_warm_up_steps_never_go_back(sizes, warmup):
    # A call of partial_fit is an epoch, of as many steps as its rows make.
    starts = np.cumsum([0, *sizes])
    found = [
        Clock(int(start) + batch, epoch, batch, size, 8).after(warmup).step
        for epoch, (start, size) in enumerate(zip(starts, sizes, strict=False))
        for batch in range(size)
    ]
    assert found == sorted(found)
    assert found[: starts[min(warmup, len(sizes))]] == [0] * starts[min(warmup, len(sizes))]


@given(warmup=st.integers(0, 4), per_epoch=steps_per_epoch)
def test_momentum_follows_the_cycle_after_the_warm_up(warmup, per_epoch):
    cycle = OneCycle(high_momentum=0.95, low_momentum=0.85)
    cold = [cycle.momentum(clock) for clock in clocks(per_epoch, 8 - warmup)]
    warm = [cycle.set_params(warmup=warmup).momentum(clock) for clock in clocks(per_epoch, 8)]
    assert warm == [0.95] * (warmup * per_epoch) + cold


@pytest.mark.parametrize(
    ("schedule", "parameter"),
    [
        (Constant(warmup=-1), "warmup"),
        (Constant(warmup=math.nan), "warmup"),
        (InverseScaling(power=0), "power"),
        (Adaptive(decay=1), "decay"),
        (Adaptive(minimum=-1e-6), "minimum"),
        (StepDecay(every=0), "every"),
        (StepDecay(every=2.5), "every"),
        (Exponential(decay=0), "decay"),
        (Cosine(final=1.5), "final"),
        (WarmRestarts(growth=0.5), "growth"),
        (OneCycle(rise=-0.1), "rise"),
        (OneCycle(start="low"), "start"),
        (OneCycle(low_momentum=1.0), "low_momentum"),
        (OneCycle(high_momentum=-0.1), "high_momentum"),
    ],
)
def test_values_out_of_bounds_are_named(schedule, parameter):
    with pytest.raises(InvalidParameterError, match=f"{parameter}=.* is not allowed"):
        schedule.validate()


# Formulas


@given(per_epoch=steps_per_epoch, epoch=st.integers(0, 20), data=st.data())
def test_formulas_of_the_epoch(per_epoch, epoch, data):
    step = epoch * per_epoch + data.draw(st.integers(0, per_epoch - 1))
    clock = Clock.at(step, per_epoch, 30)
    assert StepDecay(every=3, decay=0.5).rate(1, clock) == 0.5 ** (epoch // 3)
    assert Exponential(decay=0.9).rate(1, clock) == pytest.approx(0.9 ** (step / per_epoch))
    assert InverseScaling(power=0.7).rate(1, clock) == pytest.approx((step + 1) ** -0.7)


@given(final=shares, per_epoch=steps_per_epoch, epochs=st.integers(1, 12))
def test_cosine_ends_at_its_final_share(final, per_epoch, epochs):
    shares = rates(Cosine(final=final), per_epoch, epochs)
    assume(len(shares) > 1)
    assert shares[-1] == pytest.approx(final, abs=1e-12)
    # Half a cosine wave is symmetric about its middle.
    mirrored = [1 + final - share for share in reversed(shares)]
    assert shares == pytest.approx(mirrored, abs=1e-12)


@given(period=st.integers(1, 4), growth=st.integers(1, 3), per_epoch=st.integers(1, 20))
def test_waves_start_anew_and_grow(period, growth, per_epoch):
    shares = rates(WarmRestarts(period=period, growth=growth, final=0.1), per_epoch, 30)
    starts, length = [0], period * per_epoch
    while starts[-1] + length < len(shares):
        starts.append(starts[-1] + length)
        length *= growth
    assert [i for i, share in enumerate(shares) if share == 1] == starts
    for begin, end in zip(starts, [*starts[1:], len(shares)], strict=True):
        wave = shares[begin:end]
        assert wave == sorted(wave, reverse=True)
        assert min(wave) > 0.1


def test_waves_of_one_length_are_not_gone_through_one_by_one():
    clock = Clock.at(4 * 10**12 + 1, steps_per_epoch=4, n_epochs=10**13)
    assert WarmRestarts(period=1, growth=1).factor(clock) == pytest.approx((1 + 0.5**0.5) / 2)


@given(
    rise=st.floats(0, 0.99) | st.just(1.0),
    start=st.floats(0, 0.5),
    end=st.floats(0, 0.5),
    n_steps=st.integers(2, 60),
)
def test_one_cycle_rises_and_falls(rise, start, end, n_steps):
    shares = rates(OneCycle(rise=rise, start=start, end=end), n_steps, 1)
    n_rising = sum(clock.progress < rise for clock in clocks(n_steps, 1))
    assert shares[:n_rising] == sorted(shares[:n_rising])
    assert shares[n_rising:] == sorted(shares[n_rising:], reverse=True)
    assert shares[0] == pytest.approx(start if rise else 1)
    assert shares[-1] == pytest.approx(end if rise < 1 else 1)


@given(half=st.integers(1, 10))
def test_momentum_mirrors_the_rate(half):
    n_steps = 2 * half + 1
    cycle = OneCycle(rise=0.5, start=0.1, end=0.1, high_momentum=0.95, low_momentum=0.85)
    times = clocks(n_steps, 1)
    momenta = [cycle.momentum(clock) for clock in times]
    assert momenta[0] == momenta[-1] == pytest.approx(0.95)
    assert momenta[half] == pytest.approx(0.85)
    for clock, momentum in zip(times, momenta, strict=True):
        height = (cycle.rate(1, clock) - 0.1) / 0.9
        assert momentum == pytest.approx(0.95 - 0.1 * height)


@pytest.mark.parametrize("name", ANY)
def test_momentum_is_the_optimizers_own_unless_a_cycle_sets_it(name):
    assert SCHEDULES[name]().momentum(Clock.at(3, 4, 10)) is None


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.5), Adam(beta_1=0.5)])
def test_a_cycles_momentum_takes_the_place_of_the_optimizers(optimizer):
    other = type(optimizer)(**{**optimizer.get_params(), **dict.fromkeys(cycled(optimizer), 0.8)})
    assert optimizer.scalars(5, 0.1, 0.8, before=0.8) == other.scalars(5, 0.1)


@given(momenta=st.lists(st.floats(0, 0.99), min_size=1, max_size=30), seed=seeds)
def test_adam_is_the_published_one_while_its_momentum_moves(momenta, seed):
    rng, adam = np.random.default_rng(seed), Adam()
    p, slots, before = np.zeros(3), np.zeros((2, 3)), None
    m, v, expected = np.zeros(3), np.zeros(3), np.zeros(3)
    for t, momentum in enumerate(momenta, 1):
        g = rng.normal(size=3)
        m = momentum * m + (1 - momentum) * g
        v = 0.999 * v + 0.001 * g * g
        corrected = np.sqrt(v / (1 - 0.999**t)) + adam.epsilon
        expected -= 0.1 * m / (1 - momentum**t) / corrected
        adam.update(p, g, slots, adam.scalars(t, 0.1, momentum, before))
        before = momentum
        assert_allclose(p, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("returned", [-0.1, np.nan, np.inf, None, "fast"])
def test_a_function_must_return_a_rate(returned):
    with pytest.raises(ValueError, match=r"learning_rate\(step=3\) returned .*\[0, inf\)"):
        StepFunction(lambda step: returned).rate(0.1, Clock.at(3, 4, 10))


def cycled(optimizer):
    return {"momentum", "beta_1"} & optimizer.get_params().keys()


# Plateaus, functions and the clock


@given(decay=st.floats(0.01, 0.9), minimum=st.floats(1e-8, 1e-2), initial=st.floats(1e-4, 1))
def test_adaptive_lowers_the_rate_until_it_is_small(decay, minimum, initial):
    schedule, seen = Adaptive(decay=decay, minimum=minimum), [initial]
    while (factor := schedule.on_plateau(seen[-1])) is not None:
        seen.append(seen[-1] * factor)
    assert seen == pytest.approx([initial * decay**i for i in range(len(seen))])
    assert all(rate > minimum for rate in seen[:-1])
    assert seen[-1] <= minimum * (1 + 1e-9)


def test_adaptive_ends_at_its_minimum_though_products_are_rounded():
    schedule, rate, n_rates = Adaptive(decay=0.1, minimum=1e-5), 1e-3, 1
    while (factor := schedule.on_plateau(rate)) is not None:
        rate, n_rates = rate * factor, n_rates + 1
    assert n_rates == 3


@pytest.mark.parametrize("name", [name for name in ANY if name != "adaptive"])
def test_a_plateau_ends_a_training_at_any_other_rate(name):
    assert SCHEDULES[name]().on_plateau(1e9) is None


def test_what_leads_to_an_end_is_planned():
    planned = {name for name, kind in SCHEDULES.items() if kind.planned}
    assert planned == {"cosine", "warm_restarts", "one_cycle"}


@given(initial=st.floats(1e-5, 1), step=st.integers(0, 1000))
def test_a_function_gives_the_rate_of_each_step(initial, step):
    rate = StepFunction(lambda step: 1 / (1 + step)).rate(initial, Clock.at(step, 10, 101))
    assert rate == 1 / (1 + step)


@given(step=st.integers(0, 1000), per_epoch=st.integers(1, 50), n_epochs=st.integers(1, 20))
def test_the_clock_ends_at_its_last_step(step, per_epoch, n_epochs):
    clock = Clock.at(step, per_epoch, n_epochs)
    assert clock.position == step
    assert clock.epochs * per_epoch == pytest.approx(step)
    assert 0 <= clock.progress <= 1
    assert (clock.progress == 1) == (step >= per_epoch * n_epochs - 1 and step > 0)


@given(epoch=st.integers(0, 30), per_epoch=st.integers(1, 20), data=st.data())
def test_the_clock_goes_by_epochs_however_many_steps_they_have_had(epoch, per_epoch, data):
    step, batch = data.draw(st.integers(epoch, 1000)), data.draw(st.integers(0, per_epoch - 1))
    clock = Clock(step, epoch, batch, per_epoch, n_epochs=31)
    assert math.floor(clock.epochs) == epoch
    assert clock.progress == Clock.at(epoch * per_epoch + batch, per_epoch, 31).progress


# torch


def torch_steps(torch, kind, n_steps, **options):
    """Yield torch's rate and momentum at each step, from a rate of 0.5."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5, momentum=0.9)
    schedule = getattr(torch.optim.lr_scheduler, kind)(optimizer, **options)
    for step in range(n_steps):
        group = optimizer.param_groups[0]
        yield group["lr"], group["momentum"]
        optimizer.step()
        if step < n_steps - 1:
            schedule.step()


def torch_rates(*args, **options):
    return pytest.approx([rate for rate, _ in torch_steps(*args, **options)], rel=1e-9, abs=1e-12)


@given(per_epoch=st.integers(1, 7), epochs=st.integers(2, 12), share=st.floats(0.01, 0.99))
def test_rates_are_those_of_torch(per_epoch, epochs, share, torch):
    n = per_epoch * epochs

    def ours(schedule):
        return rates(schedule, per_epoch, epochs, 0.5)

    assert ours(Exponential(decay=share)) == torch_rates(
        torch, "ExponentialLR", n, gamma=share ** (1 / per_epoch)
    )
    assert ours(StepDecay(every=3, decay=share)) == torch_rates(
        torch, "StepLR", n, step_size=3 * per_epoch, gamma=share
    )
    # Torch counts the steps between the first and the last.
    assert ours(Cosine(final=share)) == torch_rates(
        torch, "CosineAnnealingLR", n, T_max=n - 1, eta_min=0.5 * share
    )
    assert ours(WarmRestarts(period=2, growth=3, final=share)) == torch_rates(
        torch,
        "CosineAnnealingWarmRestarts",
        n,
        T_0=2 * per_epoch,
        T_mult=3,
        eta_min=0.5 * share,
    )


@given(n=st.integers(5, 60), rise=st.floats(0.05, 0.95))
def test_one_cycle_is_that_of_torch(n, rise, torch):
    # Torch's summit is one step before its share of the steps.
    share = (rise * (n - 1) + 1) / n
    theirs = torch_steps(
        torch,
        "OneCycleLR",
        n,
        max_lr=0.5,
        total_steps=n,
        pct_start=share,
        div_factor=10,
        final_div_factor=100,
        base_momentum=0.8,
        max_momentum=0.9,
    )
    cycle = OneCycle(rise=rise, start=0.1, end=0.001, high_momentum=0.9, low_momentum=0.8)
    ours = [(cycle.rate(0.5, clock), cycle.momentum(clock)) for clock in clocks(n, 1)]
    for own, expected in zip(ours, theirs, strict=True):
        assert own == pytest.approx(expected, rel=1e-9)


def test_a_cycle_without_a_rise_begins_with_its_low_momentum():
    schedule = OneCycle(rise=0, high_momentum=0.95, low_momentum=0.85)
    assert schedule.momentum(Clock.at(0, steps_per_epoch=1, n_epochs=5)) == 0.85
