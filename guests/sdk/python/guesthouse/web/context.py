"""What Lambda says of a request: the host puts it into headers, and takes away what a client sent by their names."""

import json
import types

from ..context import LambdaContext
from ..text import read_json


def of(headers):
    """Returns the request's context, as the front wrote it into its event, and the invocation's, each None where there is
    none.
    """
    return _object(headers, b"x-amzn-request-context"), _lambda_context(headers)


def trace_id(headers):
    """Returns the value of X-Ray's header, or None."""
    found = _first(headers, b"x-amzn-trace-id")
    return found and found.decode("latin-1")


def client(headers, request_context):
    """Returns the caller's address, or an empty text where nobody says it."""
    context = request_context or {}
    for part in ("http", "identity"):
        address = context.get(part, {}).get("sourceIp") if isinstance(context.get(part), dict) else None
        if isinstance(address, str):
            return address
    # A load balancer appends to what the client sent. What comes before it is the client's own word.
    return (_first(headers, b"x-forwarded-for") or b"").decode("latin-1").rpartition(",")[2].strip()


def _first(headers, name):
    return next((value for key, value in headers if key == name), None)


def _object(headers, name):
    value = _first(headers, name)
    try:
        found = read_json(value.decode()) if value else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


#: The members of a context, and where they are in the header, which AWS's adapter for web apps made known.
_MEMBERS = {
    "request_id": ("request_id",),
    "function_name": ("env_config", "function_name"),
    "function_version": ("env_config", "version"),
    "invoked_function_arn": ("invoked_function_arn",),
    "memory_limit_mib": ("env_config", "memory"),
    "log_group_name": ("env_config", "log_group"),
    "log_stream_name": ("env_config", "log_stream"),
    "deadline_ms": ("deadline",),
    "trace_id": ("xray_trace_id",),
    "client_context": ("client_context",),
    "tenant_id": ("tenant_id",),
}
_NUMBERS = {"memory_limit_mib", "deadline_ms"}


def _identity(sent):
    if not isinstance(sent, dict):
        return None
    return types.SimpleNamespace(identity_id=sent.get("identity_id"), identity_pool_id=sent.get("identity_pool_id"))


def _lambda_context(headers):
    sent = _object(headers, b"x-amzn-lambda-context")
    if sent is None:
        return None
    wire = types.SimpleNamespace(identity=_identity(sent.get("identity")))
    for name, path in _MEMBERS.items():
        value = sent
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        setattr(wire, name, value if name not in _NUMBERS or isinstance(value, int) else 0)
    if wire.client_context is not None and not isinstance(wire.client_context, str):
        wire.client_context = json.dumps(wire.client_context)
    return LambdaContext(wire)
