"""The models of `muniment demo --rich`: what they are for, who makes them, what they measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muniment.domain.entities import Variable, VariableType


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a model: where it begins, what a year of work gains, and how far it scatters."""

    name: str
    begins: float
    gains: float
    scatters: float


@dataclass(frozen=True, slots=True)
class Kind:
    """A model: `versions` of them over the year, the first of its metrics being the headline."""

    name: str
    team: str
    author: str
    framework: str
    versions: int
    metrics: tuple[Metric, ...]
    about: str
    features: tuple[str, ...]
    grown_from: str = ""
    """The model whose versions it is fine-tuned from."""

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """What goes in: names that say `text` or `name` are texts, the others numbers."""
        return tuple(
            Variable(feature, VariableType.TEXT)
            if "text" in feature or "name" in feature
            else Variable(feature, VariableType.NUMERIC, "float64")
            for feature in self.features
        )


_AUC: Final = (Metric("auc", 0.86, 0.09, 0.008), Metric("log_loss", 0.42, -0.14, 0.012))
_ERROR: Final = (Metric("rmse", 14.0, -5.0, 0.5), Metric("mape", 0.19, -0.08, 0.008))
_RANK: Final = (Metric("ndcg", 0.61, 0.11, 0.009), Metric("recall", 0.72, 0.09, 0.01))
_TEXT: Final = (Metric("f1", 0.74, 0.14, 0.01), Metric("accuracy", 0.78, 0.12, 0.009))
_MONEY: Final = ("amount", "merchant_risk", "hour", "country_risk", "account_age_days")

KINDS: Final = (
    Kind("fraud-detection", "risk", "ada", "xgboost", 28, _AUC,
         "Card fraud, per booking, in under 20 ms.", _MONEY),
    Kind("credit-risk", "risk", "grace", "sklearn", 22, _AUC,
         "Probability of default within a year.", ("income", "debt_ratio", "utilisation")),
    Kind("account-takeover", "risk", "ada", "lightgbm", 17, _AUC,
         "Is it still the same person who signs in?", ("typing_speed", "new_device")),
    Kind("sanctions-names", "risk", "alan", "pytorch", 12, _TEXT,
         "Does this name mean somebody on a list?", ("name", "birth_year")),
    Kind("churn", "growth", "mary", "xgboost", 24, _AUC,
         "Will a customer leave within 90 days?", ("tenure_days", "tickets", "price")),
    Kind("lifetime-value", "growth", "mary", "lightgbm", 18, _ERROR,
         "What a customer will have paid after three years.", ("orders", "margin", "tenure_days")),
    Kind("next-best-offer", "growth", "linus", "sklearn", 14, _RANK,
         "Which offer to show first.", ("segment", "basket", "season")),
    Kind("email-uplift", "growth", "linus", "sklearn", 9, (Metric("qini", 0.08, 0.06, 0.006),),
         "Whom a mail makes come back, and whom it makes leave.", ("opens", "tenure_days")),
    Kind("search-ranker", "search", "margaret", "lightgbm", 26, _RANK,
         "Search results, second pass.", ("bm25", "clicks", "freshness", "price")),
    Kind("query-intent", "search", "margaret", "onnx", 15, _TEXT,
         "What somebody wants who types this.", ("text",)),
    Kind("sentence-encoder", "search", "barbara", "pytorch", 11, _RANK,
         "Sentences as vectors of 384 numbers; others are made from it.", ("text",)),
    Kind("spell-correction", "search", "barbara", "pytorch", 8, _TEXT,
         "What was meant.", ("text",), "sentence-encoder"),
    Kind("ticket-topics", "support", "katherine", "pytorch", 16, _TEXT,
         "Which team a ticket is for.", ("text", "product_name"), "sentence-encoder"),
    Kind("reply-suggestions", "support", "katherine", "pytorch", 10, _RANK,
         "Three answers to choose from.", ("text",), "sentence-encoder"),
    Kind("toxicity", "support", "alan", "onnx", 13, _TEXT,
         "Is this fit to be shown to others?", ("text",), "sentence-encoder"),
    Kind("demand-forecast", "logistics", "donald", "sklearn", 20, _ERROR,
         "Parcels per depot and day, two weeks ahead.", ("depot", "weekday", "holiday")),
    Kind("delivery-time", "logistics", "donald", "xgboost", 14, _ERROR,
         "Minutes from the depot to the door.", ("distance_km", "stops", "rain_mm")),
    Kind("route-cost", "logistics", "radia", "lightgbm", 9, _ERROR,
         "What a tour costs before it is driven.", ("stops", "distance_km", "weight_kg")),
    Kind("damage-photos", "logistics", "radia", "onnx", 8, _TEXT,
         "Does the photograph show a damaged parcel?", ("width", "height")),
    Kind("price-elasticity", "pricing", "grace", "sklearn", 6, _ERROR,
         "How demand answers to price.", ("price", "season", "competitor_price")),
)  # fmt: skip
REVIEWERS: Final = {
    "risk": ("grace", "frances"),
    "growth": ("frances", "mary"),
    "search": ("frances", "barbara"),
    "support": ("frances", "alan"),
    "logistics": ("frances", "donald"),
    "pricing": ("frances", "ada"),
}
