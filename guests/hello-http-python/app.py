"""Greets whoever a request names."""

from flask import Flask, request

app = Flask(__name__)

#: How many requests this instance has had.
count = 0


@app.before_request
def count_request():
    global count
    count += 1


@app.get("/")
def greet():
    return {"message": f"Hello {request.args.get('name', 'world')}!", "count": count}
