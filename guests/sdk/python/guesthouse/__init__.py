"""What a handler may import, mostly for its annotations: ``def handler(event, context: LambdaContext)``.

A handler needs nothing of it. It is a function of an event and a context, as on AWS.
"""

from .context import Client, ClientContext, CognitoIdentity, LambdaContext

__all__ = ["Client", "ClientContext", "CognitoIdentity", "LambdaContext"]
