"""What stands in the place of Python's `ssl`, which a guest does not have: the host speaks TLS, and checks certificates
always. Contexts take settings for which the host has its own, and refuse those whose lack would matter.
"""

import collections
import enum
import os
import socket as _socket


class TLSVersion(enum.IntEnum):
    MINIMUM_SUPPORTED = -2
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class VerifyMode(enum.IntEnum):
    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class VerifyFlags(enum.IntFlag):
    VERIFY_DEFAULT = 0
    VERIFY_CRL_CHECK_LEAF = 4
    VERIFY_CRL_CHECK_CHAIN = 12
    VERIFY_X509_STRICT = 32
    VERIFY_X509_TRUSTED_FIRST = 32768
    VERIFY_X509_PARTIAL_CHAIN = 0x80000


class Options(enum.IntFlag):
    OP_ALL = 0x80000050
    OP_NO_SSLv2 = 0
    OP_NO_SSLv3 = 0x2000000
    OP_NO_TLSv1 = 0x4000000
    OP_NO_TLSv1_1 = 0x10000000
    OP_NO_TLSv1_2 = 0x8000000
    OP_NO_TLSv1_3 = 0x20000000
    OP_NO_COMPRESSION = 0x20000
    OP_NO_TICKET = 0x4000
    OP_NO_RENEGOTIATION = 0x40000000
    OP_CIPHER_SERVER_PREFERENCE = 0x400000
    OP_SINGLE_DH_USE = 0x100000
    OP_SINGLE_ECDH_USE = 0x80000
    OP_ENABLE_MIDDLEBOX_COMPAT = 0x100000
    OP_IGNORE_UNEXPECTED_EOF = 128
    OP_LEGACY_SERVER_CONNECT = 4


class _SSLMethod(enum.IntEnum):
    PROTOCOL_TLS = 2
    PROTOCOL_TLS_CLIENT = 16
    PROTOCOL_TLS_SERVER = 17


class Purpose(enum.Enum):
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


class AlertDescription(enum.IntEnum):
    ALERT_DESCRIPTION_CLOSE_NOTIFY = 0


class SSLErrorNumber(enum.IntEnum):
    SSL_ERROR_SSL = 1
    SSL_ERROR_WANT_READ = 2
    SSL_ERROR_WANT_WRITE = 3
    SSL_ERROR_SYSCALL = 5
    SSL_ERROR_ZERO_RETURN = 6
    SSL_ERROR_EOF = 8


for _names in (VerifyMode, VerifyFlags, Options, _SSLMethod, AlertDescription, SSLErrorNumber):
    globals().update(_names.__members__)
PROTOCOL_SSLv23 = _SSLMethod.PROTOCOL_TLS
PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2 = 3, 4, 5
HAS_SNI = HAS_ECDH = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_NEVER_CHECK_COMMON_NAME = True
HAS_ALPN = HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = False
OPENSSL_VERSION = "OpenSSL 3.0.0 (the host speaks TLS)"
OPENSSL_VERSION_NUMBER = 0x30000000
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
CHANNEL_BINDING_TYPES = []
_DEFAULT_CIPHERS = "DEFAULT"
socket_error = OSError
AF_INET, SOCK_STREAM, SOL_SOCKET, SO_TYPE = _socket.AF_INET, _socket.SOCK_STREAM, _socket.SOL_SOCKET, _socket.SO_TYPE
DefaultVerifyPaths = collections.namedtuple(
    "DefaultVerifyPaths", "cafile capath openssl_cafile_env openssl_cafile openssl_capath_env openssl_capath"
)


class SSLError(OSError):
    library = reason = None


class SSLZeroReturnError(SSLError):
    pass


class SSLWantReadError(SSLError):
    pass


class SSLWantWriteError(SSLError):
    pass


class SSLSyscallError(SSLError):
    pass


class SSLEOFError(SSLError):
    pass


class SSLCertVerificationError(SSLError, ValueError):
    verify_code = 1
    verify_message = "certificate verify failed"


CertificateError = SSLCertVerificationError


class SSLObject:
    pass


class SSLSession:
    pass


class SSLSocket(_socket.socket):
    pass


class MemoryBIO:
    def __init__(self):
        raise NotImplementedError("TLS without a socket is not supported in a guest: use a client that is not async")


class SSLContext:
    """Takes what a client sets. The host checks the server's certificate in any case."""

    sslsocket_class = SSLSocket
    sslobject_class = SSLObject

    def __init__(self, protocol=_SSLMethod.PROTOCOL_TLS_CLIENT):
        self.protocol = protocol
        self.options = Options.OP_ALL
        self.verify_flags = VerifyFlags.VERIFY_DEFAULT
        self.verify_mode = VerifyMode.CERT_REQUIRED
        self.check_hostname = True
        self.minimum_version = TLSVersion.TLSv1_2
        self.maximum_version = TLSVersion.MAXIMUM_SUPPORTED
        self.post_handshake_auth = self.hostname_checks_common_name = False
        self.keylog_filename = self.sni_callback = None
        self.security_level = 2

    def wrap_socket(self, sock, server_side=False, *_, server_hostname=None, **__):
        if server_side:
            raise NotImplementedError("a guest can't be a server")
        if not hasattr(sock, "start_tls"):
            raise NotImplementedError("TLS is supported only over sockets of `socket.create_connection` in a guest")
        return sock.start_tls(server_hostname)

    def wrap_bio(self, *_, **__):
        return MemoryBIO()

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        raise SSLError("client certificates are not supported in a guest")

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        pass

    def load_default_certs(self, purpose=Purpose.SERVER_AUTH):
        pass

    set_default_verify_paths = set_ciphers = set_alpn_protocols = set_npn_protocols = set_ecdh_curve = (
        lambda self, *_: None
    )

    def get_ca_certs(self, binary_form=False):
        return []

    def get_ciphers(self):
        return []

    def cert_store_stats(self):
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def session_stats(self):
        return {}


def create_default_context(purpose=Purpose.SERVER_AUTH, *, cafile=None, capath=None, cadata=None):
    return SSLContext()


def _create_unverified_context(*_, **__):
    return SSLContext()


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def get_default_verify_paths():
    return DefaultVerifyPaths(None, None, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


def match_hostname(cert, hostname):
    pass


def RAND_bytes(count):
    return os.urandom(count)


def RAND_status():
    return True


def _not_here(*_, **__):
    raise NotImplementedError("a guest has no certificates")


get_server_certificate = DER_cert_to_PEM_cert = PEM_cert_to_DER_cert = enum_certificates = _not_here
