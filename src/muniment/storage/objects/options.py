"""How an object store is reached: the settings that its URL does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """Where S3, or a server that speaks like it, answers, and as whom; for `s3://` only.

    What is empty comes from the usual places: the AWS_* variables, shared configuration files,
    the role of the machine or pod. Google's and Azure's stores take all of it from theirs.
    """

    endpoint: str = ""
    """`https://host[:port]` of a server that is not Amazon's; buckets are addressed by path."""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    allow_http: bool = False
    """Accept an endpoint without TLS. One on this machine's loopback is accepted anyway."""
    public_endpoint: str = ""
    """What clients reach the same store by, if that is another address than ours."""
    direct: bool = True
    """Let clients exchange bytes with the store themselves, by presigned URLs."""
