"""The packages of a guest: exactly the versions that the real platform would get, or a refusal that says why not.

`wanted` reads what a project asks for, `pip_for_guests` is pip with the guest's Python and platform, `wheels` unpacks what
it chose, and `native` tells which of it can't run without its native code. `install` does all of that.
"""
