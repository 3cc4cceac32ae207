"""A function for AWS's own runtime behind API Gateway, of the shape that AWS's documentation has."""

import json
import logging
import os

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def lambda_handler(event, context):
    logger.info("%s %s in %s", event["httpMethod"], event["path"], os.environ["AWS_REGION"])
    try:
        order = json.loads(event["body"])
    except (TypeError, json.JSONDecodeError):
        return {"statusCode": 400, "body": "no order"}
    parameters = event.get("queryStringParameters") or {}
    return {
        "statusCode": 200,
        "isBase64Encoded": False,
        "headers": {"Content-Type": "application/json", "X-Request-Id": context.aws_request_id},
        "body": json.dumps({"id": order["id"], "currency": parameters.get("currency"), "total": order["total"]}),
    }
