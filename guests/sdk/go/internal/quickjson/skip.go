package quickjson

import "math/bits"

// skip reads a value of which nothing is wanted. It is one loop, since calls are slow in WebAssembly.
func (r *reader) skip() bool {
	text, at := r.text, r.at
	// For each level that is open, a bit says whether it is an object.
	var objects [MaxDepth/64 + 1]uint64
	levels := 0
	for {
		at = spaces(text, at)
		if at >= len(text) {
			return false
		}
		switch c := text[at]; {
		case c == '"':
			if at = r.skipString(at); at < 0 {
				return false
			}
		case c == '{' || c == '[':
			if levels == r.depth {
				return false
			}
			at = spaces(text, at+1)
			if at < len(text) && text[at] == c+2 {
				at++
				break
			}
			levels++
			if c == '[' {
				objects[levels/64] &^= 1 << (levels % 64)
				continue
			}
			objects[levels/64] |= 1 << (levels % 64)
			if at = r.skipName(at); at < 0 {
				return false
			}
			continue
		default:
			r.at = at
			if !r.skipScalar() {
				return false
			}
			at = r.at
		}
		// What follows a value: the ends of levels, and then a comma before the next value.
		for {
			if levels == 0 {
				r.at = at
				return true
			}
			at = spaces(text, at)
			if at >= len(text) {
				return false
			}
			c, isObject := text[at], objects[levels/64]&(1<<(levels%64)) != 0
			at++
			if c == ',' {
				if isObject {
					if at = r.skipName(spaces(text, at)); at < 0 {
						return false
					}
				}
				break
			}
			if c == '}' && isObject || c == ']' && !isObject {
				levels--
				continue
			}
			return false
		}
	}
}

// spaces returns the place of the next byte that is no space.
func spaces(text []byte, at int) int {
	if at < len(text) && text[at] > ' ' {
		return at
	}
	return moreSpaces(text, at)
}

func moreSpaces(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

// skipName returns the place after the name that begins there and its colon, or -1.
func (r *reader) skipName(at int) int {
	if at = r.skipString(at); at < 0 {
		return -1
	}
	at = spaces(r.text, at)
	if at >= len(r.text) || r.text[at] != ':' {
		return -1
	}
	return at + 1
}

// skipString returns the place after the string that begins there, or -1.
func (r *reader) skipString(at int) int {
	text := r.text
	if at+9 <= len(text) && text[at] == '"' {
		word := load(text, at+1)
		n := bits.TrailingZeros64(specials(word)|word&highBits) / 8
		if n < 8 && text[at+1+n] == '"' {
			return at + n + 2
		}
	}
	r.at = at
	end, escaped, ok := r.span()
	if ok && escaped != 0 {
		_, ok = unescape(text[at+1:end-1], escaped-at-1)
	}
	if !ok {
		return -1
	}
	return end
}

func (r *reader) skipScalar() bool {
	switch r.text[r.at] {
	case 't', 'f':
		return r.boolean()
	case 'n':
		return r.word("null")
	}
	if _, ok := r.natural(); ok {
		return true
	}
	_, ok := r.number()
	return ok
}
