"""Empties memory that is free. The build leaves in it what it has read and compiled, and all memory that is not zero is
part of the guest.
"""

import gc


def free_memory():
    """Fills what is free with zeros, without asking for more memory than there is."""
    gc.collect()
    # So large that it comes from behind everything else.
    highest = id(bytes(1 << 20))
    held = []
    for size in [*range(16, 512, 16), *(1 << power for power in range(9, 19))][::-1]:
        # The object's own fields come on top.
        while id(block := bytes(size)) < highest:
            held.append(block)
    del block
    held.clear()
    gc.collect()
