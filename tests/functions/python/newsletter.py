"""Makes a newsletter: a template, Markdown, and dates in the reader's time zone."""

import os
from datetime import datetime
from zoneinfo import ZoneInfo

import markdown
import pytz
from dateutil.relativedelta import FR, relativedelta
from dateutil.rrule import MONTHLY, rrule
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

templates = Environment(
    loader=FileSystemLoader(os.path.join(os.path.dirname(__file__), "templates")),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
)
templates.globals["greeting"] = lambda name: f"Dear {name}" if name else "Dear reader"


def handler(event, context):
    detail = event["detail"]
    sent = datetime.fromisoformat(event["time"])
    zone = ZoneInfo(detail.get("zone", "UTC"))
    local = sent.astimezone(zone)
    text = markdown.markdown(detail.get("text", ""), extensions=["tables", "fenced_code", "toc"], output_format="html")
    html = templates.get_template("newsletter.html").render(
        title=detail["title"], name=detail.get("name"), when=local, zone=zone.key, items=detail["items"], text=text
    )
    following = local + relativedelta(months=+1, day=1, weekday=FR(1))
    return {
        "html": html,
        "next": following.isoformat(),
        "issues": [day.date().isoformat() for day in rrule(MONTHLY, count=4, byweekday=FR(1), dtstart=local.replace(tzinfo=None))],
        "kolkata": sent.astimezone(pytz.timezone("Asia/Kolkata")).isoformat(),
        "age": relativedelta(local.replace(tzinfo=None), datetime(2020, 2, 29)).years,
    }
