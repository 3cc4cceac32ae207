"""What some packages need to do in a guest, as soon as they are imported."""

from .. import bundle, stdlib
from .connection import Connection, create_connection


def install():
    """Has packages changed right after they are imported."""
    stdlib.after_import.update(
        {
            "urllib3.util.connection": _urllib3_connection,
            "urllib3.util.wait": _urllib3_wait,
            "s3transfer.manager": _s3transfer,
            "boto3.s3.transfer": _boto3_transfer,
            "botocore.auth": _botocore_auth,
            "certifi.core": _certifi,
            "redis.connection": _redis,
        }
    )


def _urllib3_connection(module):
    module.create_connection = create_connection


def _urllib3_wait(module):
    real = module.wait_for_read

    def wait_for_read(sock, timeout=None):
        return sock.has_input() if isinstance(sock, Connection) else real(sock, timeout)

    module.wait_for_read = wait_for_read


def _redis(module):
    # It makes a socket of its own, which TLS can't be put over.
    def connect(self):
        connection = create_connection((self.host, self.port), self.socket_connect_timeout)
        connection.settimeout(self.socket_timeout)
        return connection

    module.Connection._connect = connect


def _s3transfer(module):
    from s3transfer.futures import NonThreadedExecutor

    # A guest has no threads: the parts of a transfer go one after the other.
    real = module.TransferManager.__init__

    def init(self, client, config=None, osutil=None, executor_cls=None):
        real(self, client, config, osutil, executor_cls or NonThreadedExecutor)

    module.TransferManager.__init__ = init


def _boto3_transfer(module):
    real = module.TransferConfig.__init__

    def init(self, *arguments, **keywords):
        real(self, *arguments, **keywords)
        self.use_threads = False

    module.TransferConfig.__init__ = init


#: What a guest has in the place of a key.
_PLACEHOLDER = "GUESTHOUSE0000000000"


def _botocore_auth(module):
    # The host replaces a signature that was made with the placeholder for a key, so nobody computes it. Its header keeps
    # its form, of which the host reads the scope.
    signer = module.SigV4Auth
    for name, instead in ("canonical_request", ""), ("string_to_sign", ""), ("signature", "0" * 64):
        setattr(signer, name, _unless_placeholder(getattr(signer, name), instead))


def _unless_placeholder(real, instead):
    def method(self, *arguments):
        return instead if self.credentials.access_key == _PLACEHOLDER else real(self, *arguments)

    return method


def _certifi(module):
    # It would write the file to a directory of the build.
    module.where = lambda: f"{bundle.TASK_ROOT}/certifi/cacert.pem"
