"""What a handler may import: names for its annotations, ``def handler(event, context: LambdaContext)``, and ways to send
its response in pieces.

A handler needs nothing of it. It is a function of an event and a context, as on AWS.
"""

from .context import Client, ClientContext, CognitoIdentity, LambdaContext
from .responses import HttpResponse, stream

__all__ = ["Client", "ClientContext", "CognitoIdentity", "HttpResponse", "LambdaContext", "stream"]
