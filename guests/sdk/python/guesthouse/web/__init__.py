"""Apps of WSGI and ASGI as guests. The host makes requests of the front's events, and the front's response of the app's. So
this knows HTTP only, and the same guest runs wherever `wasi:http` does.
"""
