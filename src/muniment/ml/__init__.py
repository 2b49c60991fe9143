"""Muniment beside the libraries that make models: MLflow's plugin, and the calls it once proposed.

    address.py               muniment+http://host:8000, and one version's files below it
    plugin.py                what MLflow finds by entry point; it leads to the next two
    registry_store.py        `mlflow.set_registry_uri("muniment+http://…")`
    artifact_repository.py   bytes of sealed versions, for MLflow's loaders
    registry.py              `get_model_version`, `get_latest_version`
    doctor/                  what works in a set-up, and what does not

MLflow itself is imported by the modules that MLflow loads, and by nothing else.
"""
