"""Takes payments from a queue, each of them once, and reports those that failed."""

import hashlib
import os
from datetime import timezone

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer, DataRecord
from dateutil import parser

logger = Logger(service="payments", level=os.environ.get("LOG_LEVEL", "INFO"))
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class InMemoryPersistence(BasePersistenceLayer):
    def __init__(self):
        super().__init__()
        self.records = {}

    def _get_record(self, idempotency_key):
        try:
            return self.records[idempotency_key]
        except KeyError:
            raise IdempotencyItemNotFoundError from None

    def _put_record(self, data_record: DataRecord):
        found = self.records.get(data_record.idempotency_key)
        if found is not None and not found.is_expired:
            raise IdempotencyItemAlreadyExistsError(old_data_record=found)
        self.records[data_record.idempotency_key] = data_record

    def _update_record(self, data_record: DataRecord):
        self.records[data_record.idempotency_key] = data_record

    def _delete_record(self, data_record: DataRecord):
        self.records.pop(data_record.idempotency_key, None)


persistence = InMemoryPersistence()
config = IdempotencyConfig(event_key_jmespath="[account, reference]", raise_on_no_idempotency_key=True)
ledger: list = []


class InsufficientFunds(ValueError):
    pass


@idempotent_function(data_keyword_argument="payment", persistence_store=persistence, config=config)
def pay(payment: dict) -> dict:
    if payment["amount"] > 1000:
        raise InsufficientFunds(f"{payment['amount']} is more than there is")
    when = parser.parse(payment["due"]).astimezone(timezone.utc)
    receipt = hashlib.sha256(f"{payment['account']}/{payment['reference']}".encode()).hexdigest()[:12]
    ledger.append(payment["reference"])
    return {"receipt": receipt, "due": when.isoformat()}


def record_handler(record: SQSRecord):
    payment = record.json_body
    receipt = pay(payment=payment)
    logger.info({"receipt": receipt, "queue": record.queue_url if record.event_source_arn else None})
    return receipt


def lambda_handler(event, context):
    config.register_lambda_context(context)
    with processor(event["Records"], record_handler, lambda_context=context):
        results = processor.process()
    receipts = [result for status, result, _ in results if status == "success"]
    return {**processor.response(), "receipts": receipts, "ledger": list(ledger)}
