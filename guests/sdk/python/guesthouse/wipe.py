"""Empties memory that is free. The build leaves in it what it has read and compiled, and all memory that is not zero is
part of the guest.
"""

import gc

_LARGE = [1 << power for power in range(18, 11, -1)]
_SMALL = [2048, 1024, *range(512, 0, -16)]


def free_memory():
    """Fills what is free with zeros, without asking for more memory than there is."""
    gc.collect()
    _fill([*_LARGE, *_SMALL], 1 << 17)
    # The list of all these blocks has left its addresses behind.
    _fill(_LARGE, 1 << 12)


def _fill(sizes, most):
    """Fills at most so many blocks of these sizes."""
    held, count = [None] * most, 0
    end = max(id(held), *map(id, gc.get_objects()))
    # First what is larger than any gap, to know where everything ends.
    while id(block := bytes(1 << 20)) < end and count < most:
        held[count] = block
        count += 1
    end = id(block)
    for size in sizes:
        # The object's own fields come on top.
        while id(block := bytes(size)) < end and count < most:
            held[count] = block
            count += 1
