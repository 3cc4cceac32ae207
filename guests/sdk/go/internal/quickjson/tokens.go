package quickjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// space goes on to the next byte that is no space.
func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// open goes past a bracket that opens, to the first element. It returns false if there is none, or no text that can be
// read.
func (r *reader) open(end byte) bool {
	if r.depth == 0 {
		r.closed = false
		return false
	}
	r.at++
	if r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.space()
	}
	r.closed = r.at < len(r.text) && r.text[r.at] == end
	if r.closed {
		r.at++
		return false
	}
	r.depth--
	return true
}

// more goes past the comma after an element, to the next one. It returns false if there is none, or no text that can be
// read.
func (r *reader) more(end byte) bool {
	if r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.space()
	}
	if r.at < len(r.text) {
		switch r.text[r.at] {
		case ',':
			r.at++
			if r.at < len(r.text) && r.text[r.at] <= ' ' {
				r.space()
			}
			return true
		case end:
			r.at++
			r.depth++
			r.closed = true
			return false
		}
	}
	r.closed = false
	return false
}

// name reads an object's name and its colon, and returns the name's first eight bytes as a number, too. The bytes may
// be those of the text.
func (r *reader) name() (name []byte, first uint64, ok bool) {
	if start := r.at + 1; start+9 <= len(r.text) && r.text[start-1] == '"' {
		// A short name that is nothing unusual, which is most of them.
		word := load(r.text, start)
		n := bits.TrailingZeros64(specials(word)|word&highBits) / 8
		if n < 8 && r.text[start+n] == '"' {
			name, first = r.text[start:start+n], word&(1<<(8*n)-1)
			r.at = start + n + 1
			if next := r.at + 1; next < len(r.text) && r.text[r.at] == ':' && r.text[next] > ' ' {
				r.at = next
				return name, first, true
			}
			return name, first, r.colon()
		}
	}
	name, ok = r.quoted()
	if !ok {
		return nil, 0, false
	}
	return name, firstBytes(name), r.colon()
}

// key is name, for what keeps it.
func (r *reader) key() (string, bool) {
	name, ok := r.string()
	return name, ok && r.colon()
}

func (r *reader) colon() bool {
	if r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.space()
	}
	if r.at >= len(r.text) || r.text[r.at] != ':' {
		return false
	}
	r.at++
	if r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.space()
	}
	return true
}

func (r *reader) word(word string) bool {
	end := r.at + len(word)
	if end > len(r.text) || string(r.text[r.at:end]) != word {
		return false
	}
	r.at = end
	return true
}

func (r *reader) boolean() bool {
	if r.text[r.at] == 't' {
		return r.word("true")
	}
	return r.word("false")
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// span reads a string up to its end, and returns the place after the quotation mark. escaped is the place of the first
// backslash, or 0.
func (r *reader) span() (end, escaped int, ok bool) {
	text, at := r.text, r.at
	if at >= len(text) || text[at] != '"' {
		return 0, 0, false
	}
	at++
	start := at
	// all has all bits of the bytes.
	var all uint64
	for {
		// Many bytes at once: a call and a step of a loop cost more in WebAssembly than the arithmetic.
		for at+32 <= len(text) {
			a, b, c, d := load(text, at), load(text, at+8), load(text, at+16), load(text, at+24)
			if specials(a)|specials(b)|specials(c)|specials(d) != 0 {
				break
			}
			all |= a | b | c | d
			at += 32
		}
		for at+8 <= len(text) {
			word := load(text, at)
			if special := specials(word); special != 0 {
				n := bits.TrailingZeros64(special) / 8
				all |= word & (1<<(8*n) - 1)
				at += n
				break
			}
			all |= word
			at += 8
		}
		if at >= len(text) {
			return 0, 0, false
		}
		switch c := text[at]; {
		case c == '"':
			r.at = at + 1
			// encoding/json puts a replacement character where there is no UTF-8.
			return at + 1, escaped, all&highBits == 0 || utf8.Valid(text[start:at])
		case c == '\\':
			if escaped == 0 {
				escaped = at
			}
			if at+2 > len(text) {
				return 0, 0, false
			}
			if text[at+1] >= 0x80 || text[at+1] < ' ' {
				return 0, 0, false
			}
			at += 2
		case c < ' ':
			return 0, 0, false
		default:
			all |= uint64(c)
			at++
		}
	}
}

// specials finds the bytes that are no plain part of a string. The lowest bit that is set in what it returns is that of
// the first byte that is a quotation mark, a backslash or below a space.
func specials(word uint64) uint64 {
	quotes, backslashes := word^('"'*lowBits), word^('\\'*lowBits)
	return ((quotes-lowBits)&^quotes | (backslashes-lowBits)&^backslashes | (word-' '*lowBits)&^word) & highBits
}

// load returns the eight bytes from there, which have to be in the text. Go's compiler makes one load of them on most
// processors, but not in WebAssembly.
func load(text []byte, at int) uint64 {
	if littleWords {
		return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(text)), at))
	}
	return binary.LittleEndian.Uint64(text[at:])
}

// quoted reads a string. The bytes may be those of the text.
func (r *reader) quoted() ([]byte, bool) {
	start := r.at + 1
	end, escaped, ok := r.span()
	if !ok {
		return nil, false
	}
	if escaped == 0 {
		return r.text[start : end-1], true
	}
	return unescape(r.text[start:end-1], escaped-start)
}

// string reads a string that is kept.
func (r *reader) string() (string, bool) {
	text, ok := r.quoted()
	if !ok {
		return "", false
	}
	if len(text) > maxPooled {
		return string(text), true
	}
	if len(text) == 0 {
		return "", true
	}
	if cap(r.pool)-len(r.pool) < len(text) {
		r.pool = make([]byte, 0, poolSize)
	}
	start := len(r.pool)
	r.pool = append(r.pool, text...)
	return unsafe.String(&r.pool[start], len(text)), true
}

// Short strings share memory, since an allocation costs more than a short string. A string that a handler keeps for
// longer keeps no more than this.
const (
	poolSize  = 512
	maxPooled = 64
)

// unescape makes a copy without escapes. The first of them is at this place.
func unescape(text []byte, first int) ([]byte, bool) {
	plain := append(make([]byte, 0, len(text)), text[:first]...)
	for at := first; at < len(text); {
		c := text[at]
		if c != '\\' {
			plain = append(plain, c)
			at++
			continue
		}
		switch c = text[at+1]; c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			unit, ok := hexUnit(text, at)
			if !ok {
				return nil, false
			}
			at += 6
			if utf16.IsSurrogate(unit) {
				second, ok := hexUnit(text, at)
				unit = utf16.DecodeRune(unit, second)
				if ok && unit != utf8.RuneError {
					at += 6
				} else {
					unit = utf8.RuneError
				}
			}
			plain = utf8.AppendRune(plain, unit)
			continue
		default:
			return nil, false
		}
		plain = append(plain, c)
		at += 2
	}
	return plain, true
}

// hexUnit returns what an escape of the form \u1234 means.
func hexUnit(text []byte, at int) (rune, bool) {
	if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
		return 0, false
	}
	var unit rune
	for _, c := range text[at+2 : at+6] {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		unit = unit<<4 | digit
	}
	return unit, true
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0'), true
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}
