"""REST API for orders: create, read, update and delete, with a table in memory."""

import json
from dataclasses import asdict, dataclass
from decimal import Decimal

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="orders")
metrics = Metrics(namespace="Shop", service="orders")
tracer = Tracer(service="orders", disabled=True)
app = APIGatewayRestResolver(cors=CORSConfig(allow_origin="https://shop.example.com", max_age=300))

TABLE: dict[str, dict] = {}


@dataclass
class Order:
    id: str
    customer: str
    lines: list
    total: str
    status: str = "NEW"


class DuplicateOrder(Exception):
    pass


def total_of(lines: list) -> Decimal:
    return sum((Decimal(str(line["price"])) * int(line["quantity"]) for line in lines), Decimal("0"))


@app.post("/orders")
@tracer.capture_method
def create_order():
    body = app.current_event.json_body
    lines = body.get("lines") or []
    if not lines:
        raise BadRequestError("an order needs at least one line")
    if body["id"] in TABLE:
        raise DuplicateOrder(body["id"])
    order = Order(body["id"], body["customer"], lines, f"{total_of(lines):.2f}")
    TABLE[order.id] = asdict(order)
    metrics.add_metric(name="OrdersCreated", unit=MetricUnit.Count, value=1)
    logger.info("order created", extra={"order_id": order.id})
    return Response(
        status_code=201,
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(TABLE[order.id]),
        headers={"Location": f"/orders/{order.id}"},
    )


@app.get("/orders")
def list_orders():
    status = app.current_event.get_query_string_value("status", default_value="NEW")
    found = [order for order in TABLE.values() if order["status"] == status]
    return {"orders": sorted(found, key=lambda order: order["id"]), "count": len(found)}


@app.get("/orders/<order_id>")
def get_order(order_id: str):
    try:
        return TABLE[order_id]
    except KeyError:
        raise NotFoundError(f"no order {order_id}") from None


@app.put("/orders/<order_id>")
def update_order(order_id: str):
    order = get_order(order_id)
    order.update(app.current_event.json_body)
    return order


@app.delete("/orders/<order_id>")
def delete_order(order_id: str):
    get_order(order_id)
    del TABLE[order_id]
    return Response(status_code=204)


@app.exception_handler(DuplicateOrder)
def on_duplicate(error: DuplicateOrder):
    logger.warning("duplicate order")
    return Response(
        status_code=409, content_type=content_types.APPLICATION_JSON, body=json.dumps({"message": f"order {error} exists"})
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, log_event=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict, context: LambdaContext) -> dict:
    return app.resolve(event, context)
