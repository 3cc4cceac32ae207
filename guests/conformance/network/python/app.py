"""Uses the network with the clients that everybody uses, as an event says. What it responds is in
`tests/it/network_languages.rs`."""

import asyncio
import hashlib
import http.client
import io
import pathlib
import socket
import ssl
import time
import urllib.parse
import urllib.request

import boto3
import httpx
import requests

session = requests.Session()
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    """Does one thing, and responds with what became of it."""
    try:
        return OPERATIONS[event["op"]](event)
    except Exception as error:
        return {"error": {"kind": type(error).__name__, "message": str(error)}}


def get(event):
    url, headers = event["url"], event.get("headers") or {}
    if event.get("client") == "urllib":
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            return told(response.status, response.read(), response.headers)
    if event.get("client") == "httpx":
        response = httpx.get(url, headers=headers)
    else:
        response = session.get(url, headers=headers)
    return told(response.status_code, response.content, response.headers)


def post(event):
    body = event["body"].encode() if "body" in event else b"z" * event["size"]
    if event.get("chunked"):
        body = iter([body[at : at + 10_000] for at in range(0, len(body), 10_000)])
    response = session.post(event["url"], data=body)
    return told(response.status_code, response.content, response.headers)


def download(event):
    digest, length = hashlib.sha256(), 0
    with session.get(event["url"], stream=True) as response:
        for piece in response.iter_content(65_536):
            digest.update(piece)
            length += len(piece)
        return {"status": response.status_code, "length": length, "sha256": digest.hexdigest()}


def timeout(event):
    begun = time.monotonic()
    try:
        session.get(event["url"], timeout=event["timeout_ms"] / 1000)
    except requests.exceptions.Timeout as error:
        return {"error": {"kind": type(error).__name__}, "elapsed_ms": round((time.monotonic() - begun) * 1000)}


def tcp(event):
    with socket.create_connection((event["host"], event["port"])) as connection:
        if event.get("tls"):
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=event["host"])
        connection.sendall(event["send"].encode())
        return {"received": connection.makefile("rb").readline().decode()}


def many(event):
    """Begins all requests over sockets of asyncio before it reads a response."""
    request = f"GET {event['path']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    async def one():
        reader, writer = await asyncio.open_connection(event["host"], event["port"])
        writer.write(request)
        line = await reader.readline()
        writer.close()
        return int(line.split()[1])

    async def all_of_them():
        return await asyncio.gather(*(one() for _ in range(event["n"])))

    return {"statuses": asyncio.run(all_of_them())}


def unread(event):
    """Leaves responses unread, and connections open, of two clients."""
    url = urllib.parse.urlsplit(event["url"])
    statuses = []
    for _ in range(event["n"] // 2):
        connection = http.client.HTTPConnection(url.netloc)
        connection.request("GET", url.path)
        statuses.append(connection.getresponse().status)
        statuses.append(requests.get(event["url"], stream=True).status_code)
    return {"statuses": statuses}


def told(status, content, headers):
    body = content.decode("utf-8", "replace")
    names = {name.lower(): value for name, value in headers.items()}
    return {"status": status, "body": body[:4000], "length": len(content), "headers": names}


def make_table(event):
    dynamodb.create_table(
        TableName=event["table"],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    dynamodb.put_item(TableName=event["table"], Item={"id": {"S": "Ada ü"}, "n": {"N": "42"}})
    return get_item(event)


def get_item(event):
    item = dynamodb.get_item(TableName=event["table"], Key={"id": {"S": "Ada ü"}})["Item"]
    return {"item": {"id": item["id"]["S"], "n": item["n"]["N"]}}


def use_s3(event):
    s3, bucket = boto3.client("s3"), event["bucket"]
    s3.create_bucket(Bucket=bucket)
    keys = {}
    for key in event["keys"]:
        body = b"hello " + key.encode()
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        keys[key] = "ok" if s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body else "differs"
    s3.put_object(Bucket=bucket, Key="big", Body=b"z" * 2_000_000)
    big = len(s3.get_object(Bucket=bucket, Key="big")["Body"].read())
    # In several parts, which other runtimes send from threads.
    s3.upload_fileobj(io.BytesIO(b"y" * 9_000_000), bucket, "in-parts")
    parts = io.BytesIO()
    s3.download_fileobj(bucket, "in-parts", parts)
    try:
        missing = s3.get_object(Bucket=bucket, Key="nope")
    except s3.exceptions.ClientError as error:
        missing = error.response["Error"]["Code"]
    listed = len(s3.list_objects_v2(Bucket=bucket)["Contents"])
    return {"keys": keys, "big": big, "parts": len(parts.getvalue()), "listed": listed, "missing": missing}


def use_sqs(event):
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=event["queue"])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hi & <ho>")
    return {"body": sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]}


def presign(event):
    url = boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    return get({"url": url})


def files(event):
    """Reads a file of a package in the ways in which packages do."""
    data = pathlib.Path(boto3.__file__).parent / "data"
    with open(data / "dynamodb" / "2012-08-10" / "resources-1.json") as file:
        begin = file.read(1)
    return {"begin": begin, "is_there": data.is_dir(), "names": sorted(path.name for path in data.glob("dyn*"))}


OPERATIONS = {
    "get": get,
    "post": post,
    "download": download,
    "timeout": timeout,
    "tcp": tcp,
    "many": many,
    "unread": unread,
    "dynamodb": make_table,
    "getitem": get_item,
    "s3": use_s3,
    "sqs": use_sqs,
    "sts": lambda event: {"arn": boto3.client("sts").get_caller_identity()["Arn"]},
    "presign": presign,
    "files": files,
}
