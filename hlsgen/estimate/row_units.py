# SPDX-License-Identifier: Apache-2.0
"""A row unit, and the plans of the first one.

Sources: kernels/row_unit.h, row_steps.h, period.h, vitis/uspe.h.
"""

from __future__ import annotations

from ..resources import Resources
from .kernel_text import interval, storage
from .operators import choice, cost, registers, shared
from .parts import control
from .storage import memory
from .widths import OPERAND_BITS, TILE_NUMBERS, Widths

PLAN_PRODUCTS = 5
"""Multiplications of a plan, of next_step and the constructors of PeriodPlan, all of them for
weight-stationary periods; constants' are shifts or few additions."""


def uspe(widths: Widths) -> Resources:
    """A lane: the multiplexer of the group, the product, the addition, and the ways of a sum.

    A sum starts from zero, memory or, weight stationary, the chain: a LUT a bit for three ways,
    half of one for two. What is written to the running sums is one of two, what goes on one of
    three. Registers: the packet, the chosen activation and the weight beside it, a sum each way.
    """
    config = widths.config
    start = choice(3 if widths.stationary else 2, 32)
    ways = start + choice(2, 32) + choice(3, 32)
    held = 3 * OPERAND_BITS + config.index_bits + 3 * 32
    packet_ways = 2 if widths.stationary else 1
    return (
        choice(config.group, OPERAND_BITS)
        + cost("exact product")
        + cost("fadd fulldsp")
        + ways
        + choice(packet_ways, OPERAND_BITS + config.index_bits)
        + registers(held)
    )


def row_memories(widths: Widths) -> Resources:
    """Two banks of activations, a memory for each row of a token; running and leaving sums; two
    banks of packets."""
    config, made_of = widths.config, storage()
    held = memory(widths.operands, 2 * widths.held_tokens, made_of["row_unit.h:activations"])
    running = memory(widths.sums, widths.tile_sums, made_of["row_unit.h:running"])
    leaving = memory(widths.sums, widths.tile_sums, made_of["row_unit.h:leaving"])
    amount = held * config.feed + running + leaving
    if widths.stationary:
        packets = made_of["row_unit.h:packets"]
        amount += memory(widths.packet, 2 * widths.held_packets, packets)
    return amount


def row_control(widths: Widths) -> Resources:
    """The counters of PeriodPlace, what they are compared with, the addresses of four memories; the
    choice of the token's row and of the group that all lanes share."""
    config = widths.config
    shared = choice(config.feed, widths.operands)
    shared += choice(config.lanes // config.group, OPERAND_BITS * config.group)
    products = 3 if widths.stationary else 1  # places of packets and of leaving sums
    return shared + control(
        counters=9,
        comparisons=24,
        additions=12,
        selections=9,
        multiplications=products,
        kept=2 * widths.plan + widths.operands * config.group // config.lanes,
    )


def plan_below(widths: Widths) -> Resources:
    """The plan that goes on to the row below: PeriodPlan::below, and a copy on its way."""
    packets = 6 if widths.stationary else 0  # steps of the counts of packets
    amount = cost("addition, 32 bits", 10 + packets) + registers(widths.plan)
    return amount + cost("comparison, 32 bits", packets) + cost("selection, 32 bits", packets)


def row_unit(widths: Widths) -> Resources:
    """All of a row unit but its lanes."""
    return row_memories(widths) + row_control(widths) + plan_below(widths)


def plan_periods(widths: Widths) -> Resources:
    """The plans of the first row unit: three tiles, a plan, and the products that it is made of,
    which share multipliers in the cycles that a plan has."""
    products = PLAN_PRODUCTS if widths.stationary else 0
    cycles = interval("row_steps.h", "PlanPeriods_Period")
    return shared("multiplication, 32 bits", products, cycles, bits=64) + control(
        counters=3,
        comparisons=20,
        additions=24,
        selections=31,
        kept=2 * 32 * TILE_NUMBERS + 65 + widths.plan,  # of the drained tile two numbers, a flag
    )
