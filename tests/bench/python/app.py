"""The benchmark's handlers, as AWS's documentation has them."""


def hello(event, context):
    return {"message": f"Hello {event['name']}!"}


def orders(event, context):
    totals = {}
    for order in event["orders"]:
        orders, cents = totals.get(order["customer"], (0, 0))
        cents += sum(item["quantity"] * item["cents"] for item in order["items"])
        totals[order["customer"]] = (orders + 1, cents)
    customers = [
        {"customer": customer, "orders": orders, "cents": cents} for customer, (orders, cents) in sorted(totals.items())
    ]
    return {"customers": customers}


def echo(event, context):
    return event
