"""One guest with all functions: the event names the one that gets it."""

import authorizer
import cognito
import documents
import importer
import newsletter
import notes
import orders
import queue_worker
import streams

FUNCTIONS = {
    "authorizer": authorizer.lambda_handler,
    "cognito": cognito.lambda_handler,
    "documents": documents.lambda_handler,
    "importer": importer.handler,
    "newsletter": newsletter.handler,
    "notes": notes.handler,
    "orders": orders.lambda_handler,
    "queue_worker": queue_worker.lambda_handler,
    "streams": streams.lambda_handler,
}


def handler(event, context):
    return FUNCTIONS[event["function"]](event["event"], context)
