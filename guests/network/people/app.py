import boto3

people = boto3.resource("dynamodb").Table("people")


def handler(event, context):
    return people.get_item(Key={"id": event["id"]})["Item"]
