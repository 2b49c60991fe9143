"""The demo's data set and models: handwritten digits, as scikit-learn ships them.

1,797 images of 8 × 8 pixels with values from 0 to 16 (float64), each with the digit that it shows.
The split and both models are seeded, so every process that asks gets the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.values import Value
from muniment.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

SEED = 0
HELD_OUT = 0.25


@dataclass(frozen=True)
class Digits:
    """Rows of 64 pixels (float64) and the digits on them, to train on and held out."""

    names: tuple[str, ...]
    train_x: NDArray[float64]
    train_y: NDArray[Any]
    held_out_x: NDArray[float64]
    held_out_y: NDArray[Any]


@dataclass(frozen=True)
class Trained:
    """A model, what it measured on the held-out rows, and its predicted probabilities there."""

    title: str
    model: Any
    params: dict[str, Value]
    metrics: dict[str, float]
    predictions: NDArray[float64]


def require_sklearn() -> None:
    """Raise ConfigurationError unless scikit-learn is installed."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "The demo trains a scikit-learn model, and scikit-learn is not installed.",
            hint='Run `pip install "muniment[demo]"`.',
        ) from None


def load() -> Digits:
    """Return the data set, split the same way every time."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    train_x, held_out_x, train_y, held_out_y = train_test_split(
        data.data, data.target, test_size=HELD_OUT, stratify=data.target, random_state=SEED
    )
    return Digits(tuple(data.feature_names), train_x, train_y, held_out_x, held_out_y)


def train_linear(digits: Digits) -> Trained:
    """Train a logistic regression on scaled pixels."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    params: dict[str, Value] = {"C": 1.0, "max_iter": 1000}
    model = make_pipeline(StandardScaler(), LogisticRegression(**params))
    return _trained("logistic regression", model, params, digits)


def train_forest(digits: Digits) -> Trained:
    """Train a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    params: dict[str, Value] = {"n_estimators": 200, "random_state": SEED}
    return _trained("random forest", RandomForestClassifier(**params), params, digits)


def predict(model: Any, digits: Digits) -> NDArray[float64]:
    """Return the probabilities of the ten digits for each held-out row: (rows, 10), float64."""
    probabilities: NDArray[float64] = model.predict_proba(digits.held_out_x)
    return probabilities


def signature(digits: Digits) -> Signature:
    """Return what goes in (64 pixels) and what comes out (ten probabilities)."""
    numeric = VariableType.NUMERIC
    return Signature(
        inputs=tuple(Variable(name, numeric, "float64") for name in digits.names),
        outputs=tuple(Variable(f"probability_{n}", numeric, "float64") for n in range(10)),
    )


def input_example(digits: Digits, rows: int = 2) -> list[dict[str, float]]:
    """Return the first held-out rows, as records of pixels."""
    return [
        dict(zip(digits.names, map(float, row), strict=True)) for row in digits.held_out_x[:rows]
    ]


def _trained(title: str, model: Any, params: dict[str, Value], digits: Digits) -> Trained:
    from sklearn.metrics import accuracy_score, roc_auc_score

    model.fit(digits.train_x, digits.train_y)
    predictions = predict(model, digits)
    metrics = {
        "auc": float(roc_auc_score(digits.held_out_y, predictions, multi_class="ovr")),
        "accuracy": float(accuracy_score(digits.held_out_y, predictions.argmax(axis=1))),
    }
    return Trained(title, model, params, metrics, predictions)
