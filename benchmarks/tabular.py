"""Three functions of finite conditional spaces, by formula: what samplers are compared on.

Each has a term that one parameter alone decides, terms in which parameters depend on each other,
and roughness that no sampler can learn. Less is better, and the least is near 0.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

Params = Mapping[str, Any]

ROUGHNESS = 0.03


@dataclass(frozen=True)
class Function:
    name: str
    space: dict[str, dict[str, Any]]
    smooth: Callable[[Params], float]

    def __call__(self, params: Params) -> float:
        text = repr(
            sorted((name, round(float(v), 6) if _number(v) else v) for name, v in params.items())
        )
        share = int.from_bytes(sha256(text.encode()).digest()[:4]) / 2**32
        return self.smooth(params) + ROUGHNESS * share


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _choice(*values: Any, **when: list[Any]) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)} | ({"when": when} if when else {})


def _int(low: int, high: int, step: int = 1, **when: list[Any]) -> dict[str, Any]:
    return {"type": "int", "low": low, "high": high, "step": step} | (
        {"when": when} if when else {}
    )


def _float(low: float, high: float, step: float, **when: list[Any]) -> dict[str, Any]:
    return {"type": "float", "low": low, "high": high, "step": step} | (
        {"when": when} if when else {}
    )


def _optimizers(p: Params) -> float:
    best = {"sgd": -1.5, "adam": -3.0, "rmsprop": -3.3}[p["optimizer"]]
    best += 0.3 * math.log2(p["batch_size"] / 32)
    loss = {"sgd": 0.0, "adam": 0.05, "rmsprop": 0.1}[p["optimizer"]]
    loss += 0.15 * (p["log_lr"] - best) ** 2 + 0.02 * abs(math.log2(p["batch_size"] / 64))
    if p["optimizer"] == "sgd":
        loss += 0.8 * (p["momentum"] - 0.9) ** 2 + (0.0 if p["nesterov"] else 0.02)
    if p["schedule"] == "step":
        loss += 0.3 * (p["drop"] - 0.3) ** 2 - 0.03
    return loss + 0.03 + 0.02 * abs(p["log_decay"] + 4)


def _layers(p: Params) -> float:
    widths = [p[f"units_{i}"] for i in range(1, p["layers"] + 1)]
    capacity = sum(math.log2(width) for width in widths)
    loss = 0.01 * (capacity - 15) ** 2 + 0.04 * abs(p["layers"] - 3)
    loss += sum(0.02 * max(0.0, math.log2(b / a)) for a, b in pairwise(widths))
    loss += {"relu": 0.0, "elu": 0.02, "tanh": 0.06, "sigmoid": 0.15}[p["activation"]]
    loss += 0.6 * (p["dropout"] - min(0.4, capacity / 60)) ** 2
    return loss + (0.0 if p["batch_norm"] == (p["layers"] > 2) else 0.03)


def _kinds(p: Params) -> float:
    loss = 0.2 * (p["log_lr"] + 2.7) ** 2
    match p["kind"]:
        case "cnn":
            loss += 0.02 * (math.log2(p["filters"]) - 5) ** 2 + 0.03 * abs(p["kernel"] - 5)
            loss += 0.05 * abs(p["blocks"] - 2)
        case "rnn":
            loss += 0.05 + 0.03 * (math.log2(p["cells"]) - 6) ** 2
            loss += 0.0 if p["cell"] == "gru" else 0.03
            loss += 0.02 if p["cell"] == "lstm" and p["forget_bias"] < 1 else 0.0
        case "mlp":
            loss += 0.15 + 0.01 * (math.log2(p["width"]) - 8) ** 2
            if p["depth"] == 2:
                loss += 0.01 * (math.log2(p["width_2"]) - 7) ** 2 - 0.05
    return loss


FUNCTIONS = (
    Function(
        "optimizers",
        {
            "optimizer": _choice("sgd", "adam", "rmsprop"),
            "log_lr": _float(-6, -0.5, 0.1),
            "batch_size": _choice(16, 32, 64, 128, 256),
            "momentum": _float(0, 0.95, 0.05, optimizer=["sgd"]),
            "nesterov": _choice(True, False, optimizer=["sgd"]),
            "schedule": _choice("none", "step", "cosine"),
            "drop": _float(0.1, 0.9, 0.1, schedule=["step"]),
            "log_decay": _float(-6, -2, 0.25),
        },
        _optimizers,
    ),
    Function(
        "layers",
        {
            "layers": _choice(1, 2, 3, 4),
            "units_1": _int(8, 256, 8),
            "units_2": _int(8, 256, 8, layers=[2, 3, 4]),
            "units_3": _int(8, 256, 8, layers=[3, 4]),
            "units_4": _int(8, 256, 8, layers=[4]),
            "activation": _choice("relu", "elu", "tanh", "sigmoid"),
            "dropout": _float(0, 0.5, 0.05),
            "batch_norm": _choice(True, False),
        },
        _layers,
    ),
    Function(
        "kinds",
        {
            "kind": _choice("cnn", "rnn", "mlp"),
            "log_lr": _float(-6, -1, 0.1),
            "filters": _int(4, 128, 4, kind=["cnn"]),
            "kernel": _choice(3, 5, 7, 9, kind=["cnn"]),
            "blocks": _int(1, 4, kind=["cnn"]),
            "cells": _int(8, 256, 8, kind=["rnn"]),
            "cell": _choice("lstm", "gru", "simple", kind=["rnn"]),
            "forget_bias": _float(0, 2, 0.5, kind=["rnn"], cell=["lstm"]),
            "width": _int(16, 512, 16, kind=["mlp"]),
            "depth": _choice(1, 2, kind=["mlp"]),
            "width_2": _int(16, 512, 16, kind=["mlp"], depth=[2]),
        },
        _kinds,
    ),
)
