"""Greets whoever the event names, and shows the two places where a handler can keep something: its own memory, which
the instance has to itself, and `/tmp`, which all instances of an environment share.
"""

from pathlib import Path

LAST = Path("/tmp/hello-last")

count = 0


def handler(event, context):
    global count

    name = event.get("name")
    if name is None:
        name = "world"
    print(f"greeting {name} with {context.get_remaining_time_in_millis()} ms left")

    try:
        last = LAST.read_text()
    except FileNotFoundError:
        last = None
    LAST.write_text(name)

    # How many events this instance has handled, this one included.
    count += 1
    return {"message": f"Hello {name}!", "count": count, "last": last}
