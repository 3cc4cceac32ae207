"""A function for AWS's own runtime, of the shape that AWS's documentation begins with."""


def lambda_handler(event, context):
    message = "Hello {} {}!".format(event["first_name"], event["last_name"])
    return {"message": message}
