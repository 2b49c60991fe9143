"""Signatures in the OpenSSF model-signing format, made and verified without a network.

    manifest ──> statement (in-toto: every path, its SHA-256) ──> bundle (sigstore, DSSE envelope)
                                                                      │ who: a key, a certificate
    manifest ──────────────── are these the files? ───────────────────┤
    trusted keys ──────────── is it one of them, or vouched for? ─────┴──> judgement

`model_signing verify key|certificate` accepts what is made here on the files as they were pulled,
and what `model_signing sign key|certificate` made is accepted here. No byte of a model is read: its
manifest holds the digest of every file.
"""
