package quickjson

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// appendString writes a string with its quotation marks.
func appendString(to []byte, text string, escapeHTML bool) []byte {
	to = append(to, '"')
	from, at := 0, 0
	content := unsafe.Slice(unsafe.StringData(text), len(text))
	for {
		at = plain(content, at, escapeHTML)
		if at >= len(text) {
			break
		}
		c := text[at]
		if c >= utf8.RuneSelf {
			character, size := utf8.DecodeRuneInString(text[at:])
			switch {
			case character == utf8.RuneError && size == 1:
				to = append(append(to, text[from:at]...), `\ufffd`...)
				from = at + size
			case character == '\u2028' || character == '\u2029':
				// JavaScript takes them for ends of lines.
				to = append(append(to, text[from:at]...), `\u202`...)
				to = append(to, hexDigits[character&0xF])
				from = at + size
			}
			at += size
			continue
		}
		to = append(to, text[from:at]...)
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\b':
			to = append(to, '\\', 'b')
		case '\f':
			to = append(to, '\\', 'f')
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			to = append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
		}
		at++
		from = at
	}
	to = append(to, text[from:]...)
	return append(to, '"')
}

const hexDigits = "0123456789abcdef"

// plain returns the place of the next byte that may not be written as it is, or is not ASCII.
func plain(text []byte, at int, escapeHTML bool) int {
	if !escapeHTML {
		// As in [reader.span].
		for at+32 <= len(text) && (unplain(load(text, at))|unplain(load(text, at+8))|unplain(load(text, at+16))|
			unplain(load(text, at+24)))&highBits == 0 {
			at += 32
		}
	}
	for at+8 <= len(text) {
		word := load(text, at)
		special := unplain(word)
		if escapeHTML {
			special |= (word ^ ('<' * lowBits)) - lowBits
			special |= (word ^ ('>' * lowBits)) - lowBits
			special |= (word ^ ('&' * lowBits)) - lowBits
		}
		if special &= highBits; special != 0 {
			return at + bits.TrailingZeros64(special)/8
		}
		at += 8
	}
	for at < len(text) {
		switch c := text[at]; {
		case c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\':
			return at
		case escapeHTML && (c == '<' || c == '>' || c == '&'):
			return at
		}
		at++
	}
	return at
}

// unplain finds the bytes that may not be written as they are, or are not ASCII, as [specials] does. What is not ASCII
// has its own highest bit, so nothing has to be taken away from the others.
func unplain(word uint64) uint64 {
	return ((word ^ ('"' * lowBits)) - lowBits) | ((word ^ ('\\' * lowBits)) - lowBits) | (word - ' '*lowBits) | word
}
