"""The network's benchmark: one item of a table."""

import boto3

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    """Responds with the name of the item that the event asks for."""
    response = dynamodb.get_item(TableName="people", Key={"id": {"S": event["id"]}})
    return {"name": response["Item"]["name"]["S"]}
