"""Draws what a shadow window showed: both models' scores of the same rows, and how they agreed over time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelyard.figures import COLOURS, MAX_POINTS, save
from modelyard.shadow_pairs import Answers
from modelyard.uncertainty import wilson

_BINS = 40
_SPANS = 24


def draw_shadow(folder: Path, answers: Answers, times: pd.Series[Any], models: tuple[str, str]) -> list[str]:
    """Writes the figures below `folder` and returns their names; none without rows. `models`: candidate, incumbent."""
    if len(answers.rows) == 0:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    scored = answers.only(np.isfinite(answers.candidate - answers.incumbent))
    return list(_drawn(folder, answers, scored, times, models))


def _drawn(
    folder: Path, answers: Answers, scored: Answers, times: pd.Series[Any], models: tuple[str, str]
) -> Iterator[str]:
    if len(scored.rows) > 0:
        yield save(folder / "scores.png", partial(_scatter, scored, models))
        yield save(folder / "distribution.png", partial(_distribution, scored, models))
    yield save(folder / "agreement.png", partial(_agreement, answers, times))


def _scatter(answers: Answers, models: tuple[str, str], axes: Axes) -> None:
    step = max(1, len(answers.rows) // MAX_POINTS)
    one, other = answers.incumbent[::step], answers.candidate[::step]
    for agreed, colour, label in ((True, COLOURS[0], "agree"), (False, COLOURS[1], "disagree")):
        chosen = answers.agree[::step] == agreed
        axes.scatter(one[chosen], other[chosen], s=5, alpha=0.4, color=colour, label=label)
    low, high = float(min(one.min(), other.min())), float(max(one.max(), other.max()))
    axes.plot([low, high], [low, high], color="0.7", linewidth=0.8)
    axes.set(xlabel=f"{models[1]} (incumbent)", ylabel=models[0], title="Scores of the same rows")
    axes.legend(loc="upper left")


def _distribution(answers: Answers, models: tuple[str, str], axes: Axes) -> None:
    sides = (models[0], answers.candidate), (f"{models[1]} (incumbent)", answers.incumbent)
    edges = np.histogram_bin_edges(np.concatenate([scores for _, scores in sides]), bins=_BINS)
    for (name, scores), colour in zip(sides, COLOURS, strict=True):
        axes.hist(scores, bins=edges.tolist(), color=colour, alpha=0.5, label=name)
    axes.set(xlabel="score", ylabel="rows", title="Scores in the shadow window")
    axes.legend(loc="upper right")


def _agreement(answers: Answers, times: pd.Series[Any], axes: Axes) -> None:
    at = pd.to_datetime(times.iloc[answers.rows], utc=True, format="ISO8601")
    start, span = at.min(), (at.max() - at.min()) / _SPANS
    codes = np.zeros(len(at), dtype=np.int64)
    if span > pd.Timedelta(0):
        codes = np.minimum(((at - start) / span).to_numpy().astype(np.int64), _SPANS - 1)
    rows, agreed = np.bincount(codes), np.bincount(codes, weights=answers.agree)
    used = np.flatnonzero(rows)
    rates = agreed[used] / rows[used]
    edges = np.array([wilson(float(rate), int(rows[n])) for rate, n in zip(rates, used, strict=True)])
    middles = np.array([(start + span * (int(n) + 0.5)).to_datetime64() for n in used])
    axes.fill_between(middles, edges[:, 0], edges[:, 1], color=COLOURS[0], alpha=0.2, linewidth=0)
    axes.plot(middles, rates, marker="o", markersize=4, color=COLOURS[0])
    axes.set(ylim=(-0.02, 1.02), xlabel="time (UTC)", ylabel="share of rows", title="Agreement over the window")
    axes.tick_params(axis="x", labelrotation=30, labelsize=7)
