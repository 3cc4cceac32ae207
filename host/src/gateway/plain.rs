//! This module passes over what needs no escapes in a string of JSON, eight bytes at a time.

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = EACH * 0x80;

/// Returns how many bytes at the beginning can stand in a string of JSON as they are: up to a quote, a backslash or a
/// control character. An inner part of a string ends with a backslash.
pub fn plain_len(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let chunk = u64::from_le_bytes(*chunk);
        // Sets the highest bit of each byte that is smaller than `limit`, and maybe of bytes after the first of these.
        let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
        let quote = below(chunk ^ (EACH * u64::from(b'"')), 1);
        let backslash = below(chunk ^ (EACH * u64::from(b'\\')), 1);
        let found = (below(chunk, 0x20) | quote | backslash) & HIGHEST;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let begin = chunks.len() * 8;
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    bytes[begin..].iter().position(special).map_or(bytes.len(), |at| begin + at)
}

#[cfg(test)]
mod tests {
    use super::plain_len;

    #[test]
    fn each_special_byte_is_found_at_each_place() {
        for length in 0..40 {
            for filler in [b' ', b'x', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                assert_eq!(plain_len(&vec![filler; length]), length, "{filler}");
                for at in 0..length {
                    for special in (0..0x20).chain(*b"\"\\") {
                        let mut bytes = vec![filler; length];
                        bytes[at] = special;
                        bytes[length - 1] = special;
                        assert_eq!(plain_len(&bytes), at, "{special} {filler}");
                    }
                }
            }
        }
    }
}
