"""The second argument of a handler."""

import time

from .text import read_json


class LambdaContext:
    """What Lambda says about one invocation, by AWS's names and of AWS's types."""

    def __init__(self, wire):
        #: The invocation's id. A retry of the same asynchronous event carries the same id.
        self.aws_request_id = wire.request_id
        #: The function's name.
        self.function_name = wire.function_name
        #: Its version, or `$LATEST`.
        self.function_version = wire.function_version
        #: The ARN by which the function was invoked, with the alias if it was one.
        self.invoked_function_arn = wire.invoked_function_arn
        #: The memory configured for the function, in MB. AWS makes a text of it, and so does this.
        self.memory_limit_in_mb = str(wire.memory_limit_mib)
        #: The CloudWatch log group.
        self.log_group_name = wire.log_group_name
        #: The CloudWatch log stream of this environment.
        self.log_stream_name = wire.log_stream_name
        #: The tenant, for functions with tenant isolation.
        self.tenant_id = wire.tenant_id
        #: What a mobile client sent along; None where it sent nothing, or no JSON object.
        self.client_context = _client_context(wire.client_context)
        #: Who called. Its members are None when the caller came without Amazon Cognito credentials.
        self.identity = CognitoIdentity()
        if wire.identity is not None:
            self.identity.cognito_identity_id = wire.identity.identity_id
            self.identity.cognito_identity_pool_id = wire.identity.identity_pool_id

        # Not AWS's documentation, but its code has it by this name, and libraries read it.
        self._epoch_deadline_time_in_ms = wire.deadline_ms

    def get_remaining_time_in_millis(self):
        """How long Lambda still waits for the response. Zero when the deadline has passed."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, message):
        """Writes to the log, without an end of line."""
        print(message, end="")

    def __repr__(self):
        return _text_of(self)


class _Members:
    """Members that are None unless something is known."""

    _names = ()

    def __init__(self, values=None):
        for name in self._names:
            setattr(self, name, values.get(name) if values else None)

    def __repr__(self):
        return _text_of(self)


class CognitoIdentity(_Members):
    """Who called, when the caller came with Amazon Cognito credentials."""

    _names = ("cognito_identity_id", "cognito_identity_pool_id")


class ClientContext(_Members):
    """What a mobile client sent along: `custom` and `env` as they came, and `client`."""

    _names = ("custom", "env", "client")


class Client(_Members):
    """The application of a mobile client."""

    _names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


def _client_context(text):
    # Any caller chooses this text, so nothing in it may fail an invocation.
    try:
        sent = read_json(text) if text else None
    except ValueError:
        return None
    if not isinstance(sent, dict):
        return None
    context = ClientContext(sent)
    context.client = Client(context.client) if isinstance(context.client, dict) else None
    return context


def _text_of(value):
    members = ", ".join(f"{name}={member!r}" for name, member in vars(value).items() if not name.startswith("_"))
    return f"{type(value).__name__}({members})"
