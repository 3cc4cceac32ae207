"""Empties memory that is free. The build leaves in it what it has read and compiled, and all memory that is not zero is
part of the guest.
"""

import gc


def free_memory():
    """Fills what is free with zeros, without asking for more memory than there is."""
    gc.collect()
    highest = max(map(id, gc.get_objects()))
    held = []
    # Python keeps blocks of up to 512 bytes in pools of its own, one for each size; larger ones are the C library's.
    sizes = [1 << power for power in range(22, 9, -1)] + list(range(512 - 33, 0, -16))
    for size in sizes:
        while True:
            block = bytes(size)
            if id(block) > highest:
                break
            held.append(block)
    held.clear()
    del block
    gc.collect()
