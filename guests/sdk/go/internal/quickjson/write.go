package quickjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// Marshal returns the value as encoding/json writes it, with <, > and & escaped where that is asked for. It returns
// false where encoding/json has to write it: it can't be written, is nested deeper than [MaxDepth] levels, or is one of
// the rare cases that this package leaves to it.
func Marshal(value any, escapeHTML bool) ([]byte, bool) {
	if value == nil {
		return []byte("null"), true
	}
	if planOf(reflect.TypeOf(value)).write == kindForeign {
		return nil, false
	}
	w := writer{text: make([]byte, 0, 512), escapeHTML: escapeHTML, depth: MaxDepth}
	if !w.any(value) {
		return nil, false
	}
	return w.text, true
}

// writer writes one text. Its methods return false where encoding/json has to write it.
type writer struct {
	text       []byte
	escapeHTML bool
	// depth is how many levels more there may be.
	depth int
}

// any writes a value of any type.
func (w *writer) any(value any) bool {
	switch value := value.(type) {
	case nil:
		w.text = append(w.text, "null"...)
		return true
	case string:
		w.text = appendString(w.text, value, w.escapeHTML)
		return true
	case bool:
		w.text = strconv.AppendBool(w.text, value)
		return true
	case float64:
		return w.float(value, 64)
	case int:
		w.text = strconv.AppendInt(w.text, int64(value), 10)
		return true
	case map[string]any:
		return w.anyMap(value)
	}
	// The copy of the value has an address, which this package needs and which encoding/json is not to see.
	copied := reflect.New(reflect.TypeOf(value))
	copied.Elem().Set(reflect.ValueOf(value))
	return w.value(planOf(copied.Type().Elem()), copied.UnsafePointer(), false)
}

// value writes the value there. addressable says whether encoding/json could call the methods of a pointer to it.
func (w *writer) value(p *plan, from unsafe.Pointer, addressable bool) bool {
	switch p.write {
	case kindStruct:
		return w.object(p, from, addressable)
	case kindString:
		w.text = appendString(w.text, *(*string)(from), w.escapeHTML)
	case kindBool:
		w.text = strconv.AppendBool(w.text, *(*bool)(from))
	case kindInt8:
		w.text = strconv.AppendInt(w.text, int64(*(*int8)(from)), 10)
	case kindInt16:
		w.text = strconv.AppendInt(w.text, int64(*(*int16)(from)), 10)
	case kindInt32:
		w.text = strconv.AppendInt(w.text, int64(*(*int32)(from)), 10)
	case kindInt64:
		w.text = strconv.AppendInt(w.text, *(*int64)(from), 10)
	case kindUint8:
		w.text = strconv.AppendUint(w.text, uint64(*(*uint8)(from)), 10)
	case kindUint16:
		w.text = strconv.AppendUint(w.text, uint64(*(*uint16)(from)), 10)
	case kindUint32:
		w.text = strconv.AppendUint(w.text, uint64(*(*uint32)(from)), 10)
	case kindUint64:
		w.text = strconv.AppendUint(w.text, *(*uint64)(from), 10)
	case kindFloat32:
		return w.float(float64(*(*float32)(from)), 32)
	case kindFloat64:
		return w.float(*(*float64)(from), 64)
	case kindPointer:
		to := *(*unsafe.Pointer)(from)
		if to == nil {
			return w.null()
		}
		return w.down() && w.value(p.elem, to, true) && w.up()
	case kindSlice:
		return w.slice(p, (*sliceHeader)(from))
	case kindAny:
		return w.any(*(*any)(from))
	case kindAnyMap:
		return w.anyMap(*(*map[string]any)(from))
	case kindStringMap:
		return w.stringMap(*(*map[string]string)(from))
	case kindMap:
		return w.mapping(p, reflect.NewAt(p.typ, from).Elem())
	case kindBytes:
		content := *(*[]byte)(from)
		if content == nil {
			return w.null()
		}
		w.text = append(w.text, '"')
		w.text = base64.StdEncoding.AppendEncode(w.text, content)
		w.text = append(w.text, '"')
	default:
		return w.foreign(p, from, addressable)
	}
	return true
}

// foreign has encoding/json write the value.
func (w *writer) foreign(p *plan, from unsafe.Pointer, addressable bool) bool {
	value := reflect.NewAt(p.typ, from)
	if !addressable {
		value = value.Elem()
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(w.escapeHTML)
	if encoder.Encode(value.Interface()) != nil {
		return false
	}
	w.text = append(w.text, bytes.TrimSuffix(written.Bytes(), []byte("\n"))...)
	return true
}

func (w *writer) object(p *plan, from unsafe.Pointer, addressable bool) bool {
	next := byte('{')
	for i := range p.fields {
		f := &p.fields[i]
		at := unsafe.Add(from, f.offset)
		if f.omitEmpty && f.plan.isEmpty(at) || f.omitZero && reflect.NewAt(f.plan.typ, at).Elem().IsZero() {
			continue
		}
		w.text = append(w.text, next)
		next = ','
		if w.escapeHTML {
			w.text = append(w.text, f.escaped...)
		} else {
			w.text = append(w.text, f.quoted...)
		}
		if !w.value(f.plan, at, addressable) {
			return false
		}
	}
	if next == '{' {
		w.text = append(w.text, next)
	}
	w.text = append(w.text, '}')
	return true
}

// isEmpty says whether a field with omitempty is left out.
func (p *plan) isEmpty(at unsafe.Pointer) bool {
	switch p.write {
	case kindString:
		return len(*(*string)(at)) == 0
	case kindPointer:
		return *(*unsafe.Pointer)(at) == nil
	case kindStruct:
		return false
	}
	value := reflect.NewAt(p.typ, at).Elem()
	switch value.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return value.Len() == 0
	case reflect.Bool, reflect.Interface, reflect.Pointer, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return value.IsZero()
	}
	return false
}

func (w *writer) slice(p *plan, slice *sliceHeader) bool {
	if slice.data == nil {
		return w.null()
	}
	if !w.down() {
		return false
	}
	w.text = append(w.text, '[')
	for i := range slice.len {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		if !w.value(p.elem, unsafe.Add(slice.data, uintptr(i)*p.elem.size), true) {
			return false
		}
	}
	w.text = append(w.text, ']')
	return w.up()
}

func (w *writer) anyMap(values map[string]any) bool {
	if values == nil {
		return w.null()
	}
	if !w.down() {
		return false
	}
	w.text = append(w.text, '{')
	for i, name := range sortedNames(values) {
		w.name(i, name)
		if !w.any(values[name]) {
			return false
		}
	}
	w.text = append(w.text, '}')
	return w.up()
}

func (w *writer) stringMap(values map[string]string) bool {
	if values == nil {
		return w.null()
	}
	w.text = append(w.text, '{')
	for i, name := range sortedNames(values) {
		w.name(i, name)
		w.text = appendString(w.text, values[name], w.escapeHTML)
	}
	w.text = append(w.text, '}')
	return true
}

func sortedNames[V any](values map[string]V) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (w *writer) mapping(p *plan, values reflect.Value) bool {
	if values.IsNil() {
		return w.null()
	}
	if !w.down() {
		return false
	}
	names := values.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	w.text = append(w.text, '{')
	// A value in a map has no address.
	value := reflect.New(p.elem.typ)
	for i, name := range names {
		w.name(i, name.String())
		value.Elem().Set(values.MapIndex(name))
		if !w.value(p.elem, value.UnsafePointer(), false) {
			return false
		}
	}
	w.text = append(w.text, '}')
	return w.up()
}

// name writes the name of a member and its colon, with a comma before all but the first.
func (w *writer) name(i int, name string) {
	if i > 0 {
		w.text = append(w.text, ',')
	}
	w.text = append(appendString(w.text, name, w.escapeHTML), ':')
}

func (w *writer) null() bool {
	w.text = append(w.text, "null"...)
	return true
}

// down is called before what a value points to is written: what points to itself would have no end.
func (w *writer) down() bool {
	w.depth--
	return w.depth > 0
}

func (w *writer) up() bool {
	w.depth++
	return true
}

// float writes a number as JavaScript does: with an exponent if it is very large or very small.
func (w *writer) float(f float64, size int) bool {
	magnitude := math.Abs(f)
	// Integers that a number of this size has all of are written with all their digits.
	whole := float64(1 << 53)
	if size == 32 {
		whole = 1 << 24
	}
	if magnitude < whole && f == math.Trunc(f) && (f != 0 || !math.Signbit(f)) {
		w.text = strconv.AppendInt(w.text, int64(f), 10)
		return true
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return false
	}
	small, large := magnitude < 1e-6, magnitude >= 1e21
	if size == 32 {
		small, large = float32(magnitude) < 1e-6, float32(magnitude) >= 1e21
	}
	if magnitude == 0 || !small && !large {
		w.text = strconv.AppendFloat(w.text, f, 'f', -1, size)
		return true
	}
	w.text = strconv.AppendFloat(w.text, f, 'e', -1, size)
	// Go writes two digits of exponent at least. JSON of encoding/json has 1e-7, but 1e-10.
	if n := len(w.text); w.text[n-4] == 'e' && w.text[n-3] == '-' && w.text[n-2] == '0' {
		w.text[n-2] = w.text[n-1]
		w.text = w.text[:n-1]
	}
	return true
}
