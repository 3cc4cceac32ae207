// Package quickjson reads and writes JSON as encoding/json does, for the types and texts that most handlers have, in a
// fraction of the time that encoding/json takes in WebAssembly. It never fails: where it does not know that its result
// is that of encoding/json, it says so, and the caller asks encoding/json.
package quickjson

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// MaxDepth is how many levels of objects and arrays a text may have.
const MaxDepth = 1000

// kind says how a value of a type is read or written.
type kind uint8

const (
	// encoding/json reads or writes the value.
	kindForeign kind = iota
	kindBool
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindFloat32
	kindFloat64
	kindString
	kindNumber
	kindRaw
	kindBytes
	kindAny
	kindPointer
	kindSlice
	kindStringMap
	kindAnyMap
	kindMap
	kindStruct
)

// plan says how values of one type are read and written. It is made once for each type.
type plan struct {
	read  kind
	write kind
	typ   reflect.Type
	size  uintptr
	elem  *plan
	// few is the array that a slice begins with.
	few    reflect.Type
	fields []field
	// longest is the length of the longest name, and folded has the fields by their names without case, if they are many.
	longest int
	folded  map[string]int
	// leavesAll says that encoding/json has to read all of a text with such a value in it.
	leavesAll bool
}

type field struct {
	plan   *plan
	offset uintptr
	name   string
	// first has the first eight bytes of the name, the first of them lowest.
	first uint64
	ascii bool
	// quoted is the name as it is written, with its colon, and escaped the same with <, > and & escaped.
	quoted    string
	escaped   string
	omitEmpty bool
	omitZero  bool
}

// manyFields is how many fields are not compared one by one with a name that none of them has.
const manyFields = 8

// maxFields is how many fields the set of those that were read has room for.
const maxFields = 256

var (
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	zeroerType          = reflect.TypeFor[interface{ IsZero() bool }]()
	rawType             = reflect.TypeFor[json.RawMessage]()
	numberType          = reflect.TypeFor[json.Number]()
	stringType          = reflect.TypeFor[string]()
	anyType             = reflect.TypeFor[any]()
)

var (
	// known has the finished plans.
	known  sync.Map
	making sync.Mutex
)

// planOf returns the plan for a type.
func planOf(t reflect.Type) *plan {
	if found, ok := known.Load(t); ok {
		return found.(*plan)
	}
	making.Lock()
	defer making.Unlock()
	made := map[reflect.Type]*plan{}
	result := makePlan(t, made)
	for t, p := range made {
		known.Store(t, p)
	}
	return result
}

// makePlan makes the plan for a type and those of the types in it. A type may contain itself, so the plan is in made
// before it is finished.
func makePlan(t reflect.Type, made map[reflect.Type]*plan) *plan {
	if found, ok := known.Load(t); ok {
		return found.(*plan)
	}
	if p, ok := made[t]; ok {
		return p
	}
	p := &plan{typ: t, size: t.Size()}
	made[t] = p
	p.read = kindOf(t)
	p.write = p.read
	switch p.read {
	case kindSlice:
		p.elem, p.few = makePlan(t.Elem(), made), reflect.ArrayOf(few(t.Elem()), t.Elem())
	case kindPointer, kindMap:
		p.elem = makePlan(t.Elem(), made)
	case kindStruct:
		p.makeFields(made)
	case kindNumber, kindRaw:
		p.write = kindForeign
		return p
	}
	if t.Kind() == reflect.Pointer {
		// A pointer that is nil has no methods to ask, and what it points to has its own plan.
		return p
	}
	if implements(t, unmarshalerType) || implements(t, textUnmarshalerType) {
		p.read = kindForeign
		// The methods of an embedded field. encoding/json calls them only for a value that stands alone.
		p.leavesAll = t.Name() == ""
	}
	if implements(t, marshalerType) || implements(t, textMarshalerType) {
		p.write = kindForeign
	}
	return p
}

// few returns how many elements there is room for at first.
func few(elem reflect.Type) int {
	if elem.Size() <= 64 {
		return 4
	}
	return 1
}

func implements(t, methods reflect.Type) bool {
	return t.Implements(methods) || reflect.PointerTo(t).Implements(methods)
}

// kindOf returns how a type without methods of its own is read.
func kindOf(t reflect.Type) kind {
	switch t {
	case rawType:
		return kindRaw
	case numberType:
		return kindNumber
	}
	switch t.Kind() {
	case reflect.Bool:
		return kindBool
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return sized(t, kindInt8)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint, reflect.Uintptr:
		return sized(t, kindUint8)
	case reflect.Float32:
		return kindFloat32
	case reflect.Float64:
		return kindFloat64
	case reflect.String:
		return kindString
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return kindAny
		}
	case reflect.Pointer:
		if t.Name() == "" {
			return kindPointer
		}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return kindSlice
		}
		if !hasMethods(t.Elem()) {
			return kindBytes
		}
	case reflect.Map:
		switch key, elem := t.Key(), t.Elem(); {
		case key.Kind() != reflect.String || hasMethods(key):
		case key == stringType && elem == stringType:
			return kindStringMap
		case key == stringType && elem == anyType:
			return kindAnyMap
		default:
			return kindMap
		}
	case reflect.Struct:
		return kindStruct
	}
	return kindForeign
}

// sized returns the kind for a number of the type's size, counted from that for one byte.
func sized(t reflect.Type, one kind) kind {
	switch t.Size() {
	case 1:
		return one
	case 2:
		return one + 1
	case 4:
		return one + 2
	default:
		return one + 3
	}
}

func hasMethods(t reflect.Type) bool {
	return t.NumMethod() > 0 || reflect.PointerTo(t).NumMethod() > 0
}

// makeFields leaves the struct to encoding/json where it needs more than a list of fields: names that hide each other,
// embedded pointers, numbers in strings.
func (p *plan) makeFields(made map[reflect.Type]*plan) {
	names := map[string]bool{}
	if !p.addFields(p.typ, 0, names, made) || len(p.fields) > maxFields {
		p.read, p.write, p.fields = kindForeign, kindForeign, nil
		return
	}
	for i := range p.fields {
		p.longest = max(p.longest, len(p.fields[i].name))
	}
	if len(p.fields) <= manyFields {
		return
	}
	p.folded = make(map[string]int, len(p.fields))
	for i := range p.fields {
		if name := fold(p.fields[i].name); !has(p.folded, name) {
			p.folded[name] = i
		}
	}
}

func (p *plan) addFields(t reflect.Type, offset uintptr, names map[string]bool, made map[reflect.Type]*plan) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if !validName(name) {
			name = ""
		}
		if f.Anonymous {
			if f.Type.Kind() == reflect.Pointer {
				return false
			}
			if f.Type.Kind() == reflect.Struct && name == "" {
				if !p.addFields(f.Type, offset+f.Offset, names, made) {
					return false
				}
				continue
			}
			if !f.IsExported() && f.Type.Kind() != reflect.Struct {
				continue
			}
			if !f.IsExported() {
				// encoding/json reads it, and refuses some of what is in it.
				return false
			}
		} else if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if names[name] {
			return false
		}
		names[name] = true
		next := field{plan: makePlan(f.Type, made), offset: offset + f.Offset, name: name, ascii: isASCII(name)}
		for _, option := range strings.Split(options, ",") {
			switch option {
			case "string":
				return false
			case "omitempty":
				next.omitEmpty = true
			case "omitzero":
				next.omitZero = true
				if implements(f.Type, zeroerType) {
					p.write = kindForeign
				}
			}
		}
		next.first = firstBytes(name)
		next.quoted = `"` + name + `":`
		next.escaped = string(append(appendString(nil, name, true), ':'))
		p.fields = append(p.fields, next)
	}
	return true
}

func has(names map[string]int, name string) bool {
	_, found := names[name]
	return found
}

// fold returns a name with one letter for all that differ in case only.
func fold[T string | []byte](name T) string {
	folded := make([]byte, 0, len(name))
	for _, letter := range string(name) {
		for next := unicode.SimpleFold(letter); ; next = unicode.SimpleFold(letter) {
			isFirst := next <= letter
			if letter = next; isFirst {
				break
			}
		}
		folded = utf8.AppendRune(folded, letter)
	}
	return string(folded)
}

// validName says whether encoding/json takes a name from a tag.
func validName(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}

func isASCII[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

func firstBytes[T string | []byte](text T) uint64 {
	var first uint64
	for i := range min(len(text), 8) {
		first |= uint64(text[i]) << (8 * i)
	}
	return first
}
