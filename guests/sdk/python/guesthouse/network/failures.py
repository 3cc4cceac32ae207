"""The host's errors as a client knows them from sockets."""

import errno
import socket

#: How the kinds of errors begin, without what they belong to.
_PREFIX = "ErrorCode_"


def failure(code):
    """Returns the exception for an error code of `wasi:http`."""
    from . import tls

    name = type(code).__name__.removeprefix(_PREFIX)
    text = _words(name)
    if name in ("HttpRequestDenied",):
        return PermissionError(errno.EACCES, "the request was denied: no rule of network.allow grants it")
    if name == "DestinationIpProhibited":
        return PermissionError(errno.EACCES, "the request was denied: no guest can reach this address")
    if name in ("DnsTimeout", "DnsError", "DestinationNotFound"):
        reason = getattr(getattr(code, "value", None), "rcode", None)
        return socket.gaierror(socket.EAI_NONAME, reason or text)
    if name == "TlsCertificateError":
        return tls.SSLCertVerificationError(1, "certificate verify failed")
    if name.startswith("Tls"):
        return tls.SSLError(1, text)
    if "Timeout" in name:
        return TimeoutError(errno.ETIMEDOUT, "timed out")
    if name == "ConnectionRefused":
        return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    if name in ("ConnectionTerminated", "HttpResponseIncomplete"):
        return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    if name == "DestinationUnavailable":
        return OSError(errno.EHOSTUNREACH, "No route to host")
    if name == "InternalError" and code.value:
        return OSError(errno.EIO, code.value)
    return OSError(errno.EIO, text)


def _words(name):
    return "".join(" " + char.lower() if char.isupper() else char for char in name).strip()
