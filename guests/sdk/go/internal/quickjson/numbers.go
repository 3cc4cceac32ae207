package quickjson

import (
	"strconv"
	"unsafe"
)

// decimal is a number as it is written: its digits, without a point, and the power of ten they are multiplied by.
type decimal struct {
	digits   uint64
	exponent int
	// integer says that there is neither a point nor an exponent.
	integer  bool
	negative bool
	// exact is false if the number has more digits than there is room for.
	exact bool
}

// number reads a number.
func (r *reader) number() (decimal, bool) {
	text, at := r.text, r.at
	d := decimal{integer: true}
	if at < len(text) && text[at] == '-' {
		d.negative = true
		at++
	}
	start := at
	for at < len(text) && text[at]-'0' <= 9 {
		d.digits = d.digits*10 + uint64(text[at]-'0')
		at++
	}
	count := at - start
	if count == 0 || count > 1 && text[start] == '0' {
		return d, false
	}
	if at < len(text) && text[at] == '.' {
		d.integer = false
		at++
		start = at
		for at < len(text) && text[at]-'0' <= 9 {
			d.digits = d.digits*10 + uint64(text[at]-'0')
			at++
		}
		d.exponent = start - at
		count += at - start
		if at == start {
			return d, false
		}
	}
	d.exact = count <= 19
	if at < len(text) && text[at]|0x20 == 'e' {
		d.integer = false
		at++
		minus := false
		if at < len(text) && (text[at] == '+' || text[at] == '-') {
			minus = text[at] == '-'
			at++
		}
		start, exponent := at, 0
		for at < len(text) && text[at]-'0' <= 9 {
			if exponent < 10_000 {
				exponent = exponent*10 + int(text[at]-'0')
			}
			at++
		}
		if at == start {
			return d, false
		}
		if minus {
			exponent = -exponent
		}
		d.exponent += exponent
	}
	r.at = at
	return d, true
}

// natural reads a number that is only digits, and not too many. Otherwise it reads nothing.
func (r *reader) natural() (uint64, bool) {
	text, at := r.text, r.at
	var n uint64
	for at < len(text) && text[at]-'0' <= 9 {
		n = n*10 + uint64(text[at]-'0')
		at++
	}
	count := at - r.at
	if count == 0 || count > 18 || at == len(text) || count > 1 && text[r.at] == '0' {
		return 0, false
	}
	if c := text[at]; c == '.' || c|0x20 == 'e' {
		return 0, false
	}
	r.at = at
	return n, true
}

// literal reads a number, and returns it as it is written.
func (r *reader) literal() (string, bool) {
	start := r.at
	_, ok := r.number()
	if !ok {
		return "", false
	}
	return unsafe.String(&r.text[start], r.at-start), true
}

func (r *reader) signed(k kind, to unsafe.Pointer) bool {
	digits, ok := r.natural()
	n := int64(digits)
	if !ok {
		d, ok := r.number()
		if !ok || !d.integer || !d.exact || d.digits > 1<<63-1 {
			return false
		}
		n = int64(d.digits)
		if d.negative {
			n = -n
		}
	}
	switch k {
	case kindInt8:
		*(*int8)(to) = int8(n)
		return n == int64(int8(n))
	case kindInt16:
		*(*int16)(to) = int16(n)
		return n == int64(int16(n))
	case kindInt32:
		*(*int32)(to) = int32(n)
		return n == int64(int32(n))
	}
	*(*int64)(to) = n
	return true
}

func (r *reader) unsigned(k kind, to unsafe.Pointer) bool {
	n, ok := r.natural()
	if !ok {
		d, ok := r.number()
		if !ok || !d.integer || !d.exact || d.negative {
			return false
		}
		n = d.digits
	}
	switch k {
	case kindUint8:
		*(*uint8)(to) = uint8(n)
		return n == uint64(uint8(n))
	case kindUint16:
		*(*uint16)(to) = uint16(n)
		return n == uint64(uint16(n))
	case kindUint32:
		*(*uint32)(to) = uint32(n)
		return n == uint64(uint32(n))
	}
	*(*uint64)(to) = n
	return true
}

// Powers of ten that a float64 has exactly.
var powers = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
	1e21, 1e22,
}

func (r *reader) float() (float64, bool) {
	start := r.at
	if n, ok := r.natural(); ok && n < 1<<53 {
		return float64(n), true
	}
	r.at = start
	d, ok := r.number()
	if !ok {
		return 0, false
	}
	if d.exact && d.digits < 1<<53 && d.exponent >= -22 && d.exponent <= 22 {
		// Both are exact, so one operation rounds once.
		f := float64(d.digits)
		if d.negative {
			f = -f
		}
		if d.exponent < 0 {
			return f / powers[-d.exponent], true
		}
		return f * powers[d.exponent], true
	}
	f, err := strconv.ParseFloat(unsafe.String(&r.text[start], r.at-start), 64)
	return f, err == nil
}
