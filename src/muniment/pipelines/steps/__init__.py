"""The steps that come along: each file holds a configuration, contract, specification and builder.

The script of `steps/NAME.py` is `scripts/NAME.py`.
"""
