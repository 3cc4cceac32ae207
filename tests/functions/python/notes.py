"""A web application of Flask behind an API: notes, with a page of HTML."""

import serverless_wsgi
from flask import Flask, abort, jsonify, make_response, redirect, render_template_string, request, url_for

app = Flask(__name__)
app.json.sort_keys = False
app.secret_key = "not a secret"

NOTES = {1: {"id": 1, "text": "buy <milk>", "tags": ["home"]}}

PAGE = "<ol>{% for note in notes %}<li>{{ note.text }}{% if note.tags %} ({{ note.tags | join(', ') }}){% endif %}</li>{% endfor %}</ol>"


@app.errorhandler(404)
def not_found(error):
    return jsonify(error=error.description), 404


@app.get("/notes")
def list_notes():
    tag = request.args.get("tag")
    return jsonify([note for note in NOTES.values() if tag is None or tag in note["tags"]])


@app.post("/notes")
def add_note():
    note = {"id": max(NOTES) + 1, "text": request.json["text"], "tags": request.json.get("tags", [])}
    NOTES[note["id"]] = note
    return jsonify(note), 201, {"Location": url_for("get_note", note=note["id"])}


@app.get("/notes/<int:note>")
def get_note(note):
    return jsonify(NOTES.get(note) or abort(404, f"no note {note}"))


@app.post("/form")
def form():
    answer = make_response(redirect("/notes"))
    answer.set_cookie("last", request.form["text"], httponly=True, samesite="Lax")
    return answer


@app.get("/")
def page():
    return render_template_string(PAGE, notes=NOTES.values())


@app.get("/fail")
def fail():
    raise RuntimeError("this note is lost")


def handler(event, context):
    return serverless_wsgi.handle_request(app, event, context)
