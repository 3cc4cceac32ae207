"""Reads streams: changes of a table, records of Kinesis, and log lines."""

import base64
import gzip
import json
import struct
from collections import defaultdict

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

deserializer = TypeDeserializer()
serializer = TypeSerializer()


def plain(item):
    return {key: deserializer.deserialize(value) for key, value in item.items()}


def changes(record):
    image = record["dynamodb"]
    old, new = plain(image.get("OldImage", {})), plain(image.get("NewImage", {}))
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return {
        "event": record["eventName"],
        "keys": plain(image["Keys"]),
        "changed": changed,
        "new": {key: sorted(value) if isinstance(value, set) else value for key, value in new.items()},
    }


def measurement(record):
    data = base64.b64decode(record["kinesis"]["data"])
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:1] == b"{":
        return json.loads(data)
    sensor, value, count = struct.unpack(">Hdi", data)
    return {"sensor": sensor, "value": value, "count": count}


def lambda_handler(event, context):
    if "awslogs" in event:
        logs = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
        lines = [line["message"] for line in logs["logEvents"] if "ERROR" in line["message"]]
        return {"group": logs["logGroup"], "errors": lines, "item": {"lines": serializer.serialize(lines)}}
    done, failures, sums = [], [], defaultdict(float)
    for record in event["Records"]:
        try:
            if record["eventSource"] == "aws:dynamodb":
                done.append(changes(record))
            else:
                found = measurement(record)
                sums[str(found["sensor"])] += found["value"]
        except (EOFError, ValueError, struct.error) as error:
            number = (record.get("kinesis") or record.get("dynamodb"))["sequenceNumber"]
            print(f"can't read {number}: {error}")
            failures.append({"itemIdentifier": number})
    return {"done": done, "sums": sums, "batchItemFailures": failures}
