"""Reads the files of an upload: CSV, JSON, XML and YAML in a zip file, or a workbook."""

import base64
import csv
import io
import json
import logging
import zipfile
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import openpyxl
import xmltodict
import yaml

logger = logging.getLogger()
logger.setLevel(logging.INFO)


class UnknownFormat(Exception):
    def __init__(self, name):
        super().__init__(f"no reader for {name}")
        self.name = name


def read_csv(data):
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    dialect = csv.Sniffer().sniff(text.read(1024), delimiters=",;\t")
    text.seek(0)
    return list(csv.DictReader(text, dialect=dialect))


def read_xml(data):
    rows = xmltodict.parse(data, force_list=("item",))["items"]["item"]
    return [{key.lstrip("@"): value for key, value in row.items()} for row in rows]


def read_workbook(data):
    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True).active
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row)) for row in rows]


READERS = {
    "csv": read_csv,
    "json": lambda data: json.loads(data),
    "xml": read_xml,
    "yaml": lambda data: yaml.safe_load(data),
    "xlsx": read_workbook,
}


def read(name, data):
    reader = READERS.get(name.rpartition(".")[2])
    if reader is None:
        raise UnknownFormat(name)
    return reader(data)


def amount(row):
    try:
        return Decimal(str(row["amount"])).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError(f"{row['amount']!r} is no amount") from None


def report(rows):
    """A workbook with the sums, as somebody would download it; returns what is in it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["country", "amount"])
    sums = defaultdict(Decimal)
    for row in rows:
        sums[row["country"]] += amount(row)
    for country, value in sorted(sums.items()):
        sheet.append([country, float(value)])
    file = io.BytesIO()
    book.save(file)
    return read_workbook(file.getvalue())


def handler(event, context):
    body = event["body"]
    data = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    name = event["headers"]["x-file-name"]
    files = {}
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                logger.info("reading %s (%d bytes)", info.filename, info.file_size)
                files[info.filename] = read(info.filename, archive.read(info))
    else:
        files[name] = read(name, data)
    rows = [row for rows in files.values() for row in rows]
    return {
        "files": {name: len(rows) for name, rows in files.items()},
        "countries": dict(Counter(row["country"] for row in rows).most_common()),
        "sum": sum(map(amount, rows)),
        "report": report(rows),
    }
