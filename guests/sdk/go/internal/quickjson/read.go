package quickjson

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// Unmarshal reads a JSON text into what value points to, which has to be a zero value. If it returns false, there is a
// zero value again, and encoding/json has to read the text: it is no JSON, not of this type, nested deeper than
// [MaxDepth] levels, or one of the rare cases that this package leaves to it.
func Unmarshal(text []byte, value any) bool {
	target := reflect.ValueOf(value)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return false
	}
	p := planOf(target.Type().Elem())
	if p.read == kindForeign {
		return false
	}
	r := reader{text: text, depth: MaxDepth}
	r.space()
	if !r.value(p, target.UnsafePointer()) || !r.end() {
		target.Elem().SetZero()
		return false
	}
	return true
}

// reader reads one text. Its methods return false where encoding/json has to read it.
type reader struct {
	text []byte
	at   int
	// depth is how many levels more there may be.
	depth int
	// closed says whether open and more returned false because the object or array is over.
	closed bool
	// valid is set when all of the text is known to be JSON.
	valid bool
	// pool has room for short strings.
	pool []byte
}

// end says whether nothing follows.
func (r *reader) end() bool {
	r.space()
	return r.at == len(r.text)
}

// value reads the value that begins here.
func (r *reader) value(p *plan, to unsafe.Pointer) bool {
	if r.at >= len(r.text) {
		return false
	}
	c := r.text[r.at]
	if p.read == kindForeign {
		return r.foreign(p, to)
	}
	if c == 'n' && p.read != kindRaw {
		// It makes nil of what can be nil, and leaves alone what can't. The value is zero in either case.
		return r.word("null")
	}
	switch p.read {
	case kindStruct:
		return c == '{' && r.object(p, to)
	case kindString:
		text, ok := r.string()
		*(*string)(to) = text
		return ok
	case kindBool:
		*(*bool)(to) = c == 't'
		return r.boolean()
	case kindInt64, kindUint64:
		if n, ok := r.natural(); ok {
			*(*uint64)(to) = n
			return true
		}
		if p.read == kindUint64 {
			return r.unsigned(p.read, to)
		}
		return r.signed(p.read, to)
	case kindInt8, kindInt16, kindInt32:
		return r.signed(p.read, to)
	case kindUint8, kindUint16, kindUint32:
		return r.unsigned(p.read, to)
	case kindFloat64:
		number, ok := r.float()
		*(*float64)(to) = number
		return ok
	case kindFloat32:
		literal, ok := r.literal()
		number, err := strconv.ParseFloat(literal, 32)
		*(*float32)(to) = float32(number)
		return ok && err == nil
	case kindSlice:
		return c == '[' && r.slice(p, to)
	case kindPointer:
		made := reflect.New(p.elem.typ).UnsafePointer()
		*(*unsafe.Pointer)(to) = made
		return r.value(p.elem, made)
	case kindAny:
		value, ok := r.any()
		*(*any)(to) = value
		return ok
	case kindAnyMap:
		if c != '{' {
			return false
		}
		values, ok := r.anyMap()
		*(*map[string]any)(to) = values
		return ok
	case kindStringMap:
		return c == '{' && r.stringMap(to)
	case kindMap:
		return c == '{' && r.mapping(p, to)
	case kindNumber:
		literal, ok := r.literal()
		*(*string)(to) = strings.Clone(literal)
		return ok
	case kindRaw:
		start := r.at
		if !r.skip() {
			return false
		}
		*(*[]byte)(to) = append([]byte{}, r.text[start:r.at]...)
		return true
	case kindBytes:
		return r.bytes(to)
	}
	return false
}

// foreign has encoding/json read the value. Methods of the handler's types see nothing of a text that is no JSON.
func (r *reader) foreign(p *plan, to unsafe.Pointer) bool {
	if p.leavesAll {
		return false
	}
	if !r.valid {
		all := reader{text: r.text, depth: MaxDepth}
		all.space()
		if !all.skip() || !all.end() {
			return false
		}
		r.valid = true
	}
	start := r.at
	return r.skip() && json.Unmarshal(r.text[start:r.at], reflect.NewAt(p.typ, to).Interface()) == nil
}

func (r *reader) object(p *plan, to unsafe.Pointer) bool {
	if !r.open('}') {
		return r.closed
	}
	var seen [maxFields / 64]uint64
	// Most texts have the fields in the type's order.
	next := 0
	for {
		name, first, ok := r.name()
		if !ok {
			return false
		}
		i := next
		if i >= len(p.fields) || !p.fields[i].is(name, first) {
			i = p.find(name, first)
		}
		if i < 0 {
			if !r.skip() {
				return false
			}
		} else {
			// A second member of this name is read into what the first one left.
			if seen[i/64]&(1<<(i%64)) != 0 {
				return false
			}
			seen[i/64] |= 1 << (i % 64)
			f := &p.fields[i]
			if !r.value(f.plan, unsafe.Add(to, f.offset)) {
				return false
			}
			next = i + 1
		}
		if next := r.at + 1; next < len(r.text) && r.text[next-1] == ',' && r.text[next] > ' ' {
			r.at = next
		} else if !r.more('}') {
			return r.closed
		}
	}
}

// find returns the number of the field that the name means, or -1.
func (p *plan) find(name []byte, first uint64) int {
	for i := range p.fields {
		if p.fields[i].is(name, first) {
			return i
		}
	}
	// A letter takes up to three times as many bytes in another case.
	if len(name) > 3*p.longest {
		return -1
	}
	if p.folded != nil {
		if i, found := p.folded[fold(name)]; found {
			return i
		}
		return -1
	}
	ascii := isASCII(name)
	for i := range p.fields {
		f := &p.fields[i]
		// Only names of one length are the same but for case, unless there are other letters than ASCII's.
		if (len(f.name) == len(name) || !f.ascii || !ascii) && strings.EqualFold(f.name, string(name)) {
			return i
		}
	}
	return -1
}

func (f *field) is(name []byte, first uint64) bool {
	return f.first == first && len(f.name) == len(name) && (len(name) <= 8 || f.name[8:] == string(name[8:]))
}

// sliceHeader is how Go lays out a slice.
type sliceHeader struct {
	data unsafe.Pointer
	len  int
	cap  int
}

func (r *reader) slice(p *plan, to unsafe.Pointer) bool {
	header := (*sliceHeader)(to)
	if !r.open(']') {
		if r.closed {
			header.data = reflect.MakeSlice(p.typ, 0, 0).UnsafePointer()
		}
		return r.closed
	}
	for {
		if header.len == header.cap {
			p.grow(header)
		}
		at := unsafe.Add(header.data, uintptr(header.len)*p.elem.size)
		header.len++
		if !r.value(p.elem, at) {
			return false
		}
		if !r.more(']') {
			return r.closed
		}
	}
}

// grow makes room in a slice that is full. What it adds is zero.
func (p *plan) grow(header *sliceHeader) {
	if header.cap == 0 {
		header.data, header.cap = reflect.New(p.few).UnsafePointer(), p.few.Len()
		return
	}
	larger := reflect.MakeSlice(p.typ, header.len, header.cap*2)
	reflect.Copy(larger, reflect.NewAt(p.typ, unsafe.Pointer(header)).Elem())
	header.data, header.cap = larger.UnsafePointer(), larger.Cap()
}

func (r *reader) stringMap(to unsafe.Pointer) bool {
	values := map[string]string{}
	*(*map[string]string)(to) = values
	if !r.open('}') {
		return r.closed
	}
	for {
		name, ok := r.key()
		if !ok || r.at >= len(r.text) {
			return false
		}
		var value string
		if r.text[r.at] == 'n' {
			ok = r.word("null")
		} else {
			value, ok = r.string()
		}
		if !ok {
			return false
		}
		values[name] = value
		if !r.more('}') {
			return r.closed
		}
	}
}

func (r *reader) mapping(p *plan, to unsafe.Pointer) bool {
	values := reflect.MakeMap(p.typ)
	reflect.NewAt(p.typ, to).Elem().Set(values)
	if !r.open('}') {
		return r.closed
	}
	key, value := reflect.New(p.typ.Key()).Elem(), reflect.New(p.elem.typ)
	for {
		name, ok := r.key()
		value.Elem().SetZero()
		if !ok || !r.value(p.elem, value.UnsafePointer()) {
			return false
		}
		key.SetString(name)
		values.SetMapIndex(key, value.Elem())
		if !r.more('}') {
			return r.closed
		}
	}
}

func (r *reader) bytes(to unsafe.Pointer) bool {
	encoded, ok := r.quoted()
	if !ok {
		return false
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(decoded, encoded)
	*(*[]byte)(to) = decoded[:n]
	return err == nil
}

// any reads a value of any type.
func (r *reader) any() (any, bool) {
	if r.at >= len(r.text) {
		return nil, false
	}
	switch c := r.text[r.at]; c {
	case '{':
		return r.anyMap()
	case '[':
		return r.anySlice()
	case '"':
		return r.string()
	case 'n':
		return nil, r.word("null")
	case 't', 'f':
		return c == 't', r.boolean()
	default:
		return r.float()
	}
}

func (r *reader) anyMap() (map[string]any, bool) {
	values := map[string]any{}
	if !r.open('}') {
		return values, r.closed
	}
	for {
		name, ok := r.key()
		if !ok {
			return nil, false
		}
		value, ok := r.any()
		if !ok {
			return nil, false
		}
		values[name] = value
		if !r.more('}') {
			return values, r.closed
		}
	}
}

func (r *reader) anySlice() ([]any, bool) {
	values := []any{}
	if !r.open(']') {
		return values, r.closed
	}
	for {
		value, ok := r.any()
		if !ok {
			return nil, false
		}
		values = append(values, value)
		if !r.more(']') {
			return values, r.closed
		}
	}
}
