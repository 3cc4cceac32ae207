"""Reads and writes documents: the text of a PDF, pages merged into one, and calls that are prepared for a partner."""

import base64
import hashlib
import io
import re

import requests
from pypdf import PdfReader, PdfWriter
from requests.auth import HTTPBasicAuth

session = requests.Session()
session.headers["User-Agent"] = "documents/1.0"


def merged(reader):
    writer = PdfWriter()
    for page in reversed(reader.pages):
        writer.add_page(page)
    writer.add_metadata({"/Title": "reversed"})
    file = io.BytesIO()
    writer.write(file)
    file.seek(0)
    return PdfReader(file)


def partner_call(text):
    call = requests.Request(
        "POST",
        "https://partner.example.com/documents",
        params={"words": len(text.split()), "q": "ä b"},
        json={"sha256": hashlib.sha256(text.encode()).hexdigest()},
        auth=HTTPBasicAuth("user", "secret"),
    )
    prepared = session.prepare_request(call)
    return {"url": prepared.url, "body": prepared.body.decode(), "authorization": prepared.headers["Authorization"]}


def lambda_handler(event, context):
    reader = PdfReader(io.BytesIO(base64.b64decode(event["pdf"])), strict=True)
    if not reader.pages:
        raise LookupError("the document has no pages")
    pages = [page.extract_text() for page in reader.pages]
    text = "\n".join(pages)
    return {
        "pages": pages,
        "box": [float(side) for side in reader.pages[0].mediabox],
        "total": sum(map(float, re.findall(r"EUR (\d+\.\d\d)", text))),
        "reversed": [page.extract_text() for page in merged(reader).pages],
        "title": merged(reader).metadata.title,
        "call": partner_call(text),
    }
