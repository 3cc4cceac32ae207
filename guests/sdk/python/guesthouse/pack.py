"""Much data in few places, compressed."""

import zlib

#: So small that it fits into what the interpreter's start has left free, and so large that little is lost at its end.
_BLOCK_BYTES = 1 << 16


class Pack:
    """Pieces that lie one after the other in blocks, which are asked for at once. A piece that is asked for alone would lie
    between what the build uses meanwhile, and keep the memory around it from being given back.
    """

    def __init__(self, room):
        self._free = [bytearray(_BLOCK_BYTES) for _ in range(room // _BLOCK_BYTES)]
        #: The blocks that are begun, and how far.
        self._begun = []

    def add(self, content):
        """Takes in a piece, and returns by what it is found."""
        compressed = zlib.compress(content)
        if len(compressed) > _BLOCK_BYTES:
            return compressed
        for place in self._begun:
            if place[1] + len(compressed) <= _BLOCK_BYTES:
                break
        else:
            place = [self._free.pop() if self._free else bytearray(_BLOCK_BYTES), 0]
            self._begun.append(place)
        block, begin = place
        place[1] = end = begin + len(compressed)
        block[begin:end] = compressed
        if end > _BLOCK_BYTES - 100:
            self._begun.remove(place)
        return block, begin, end

    @staticmethod
    def get(piece):
        """Returns a piece as it was."""
        if isinstance(piece, tuple):
            block, begin, end = piece
            piece = memoryview(block)[begin:end]
        return zlib.decompress(piece)

    def close(self):
        """Gives back what was not needed."""
        self._free.clear()
        self._begun.clear()
