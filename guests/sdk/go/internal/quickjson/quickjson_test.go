package quickjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const levels = 1000

// read asserts that the text is read as encoding/json reads it, if it is read here at all, and says whether it is.
func read(t *testing.T, text string, target reflect.Type) bool {
	t.Helper()
	quick := reflect.New(target)
	if !Unmarshal([]byte(text), quick.Interface()) {
		if !quick.Elem().IsZero() {
			t.Errorf("%s left something behind in %v: %#v", shown(text), target, quick.Elem())
		}
		return false
	}
	expected := reflect.New(target)
	if err := json.Unmarshal([]byte(text), expected.Interface()); err != nil {
		t.Errorf("%s was read as %v, but is: %v", shown(text), target, err)
	} else if !reflect.DeepEqual(quick.Interface(), expected.Interface()) {
		t.Errorf("%s as %v is\n%#v\nand not\n%#v", shown(text), target, expected.Elem(), quick.Elem())
	} else {
		write(t, quick.Elem().Interface())
		write(t, quick.Interface())
	}
	return true
}

// write asserts that the value is written as encoding/json writes it, if it is written here at all, and says whether it
// is.
func write(t *testing.T, value any) bool {
	t.Helper()
	written := false
	for _, escape := range []bool{false, true} {
		quick, ok := Marshal(value, escape)
		if !ok {
			continue
		}
		written = true
		var expected bytes.Buffer
		encoder := json.NewEncoder(&expected)
		encoder.SetEscapeHTML(escape)
		if err := encoder.Encode(value); err != nil {
			t.Errorf("%#v was written as %s, but: %v", value, quick, err)
		} else if text := strings.TrimSuffix(expected.String(), "\n"); text != string(quick) {
			t.Errorf("%#v is\n%s\nand not\n%s", value, text, quick)
		}
	}
	return written
}

func shown(text string) string {
	return fmt.Sprintf("%.200q", text)
}

type Inner struct {
	Inside string
	Shared int `json:"shared"`
}

type hidden struct {
	Shown string
	shy   string
}

type Named string

type deep struct {
	Inner
	hidden
	Named
	Own string `json:"own,omitempty"`
	// A quotation mark is not for names.
	Odd string `json:"it's"`
}

type everything struct {
	Bool    bool
	Int     int
	Int8    int8
	Int16   int16
	Int32   int32
	Int64   int64
	Uint    uint
	Uint8   uint8
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	Float32 float32
	Float64 float64
	String  string
	Renamed string `json:"<name & more>"`
	Dash    string `json:"-,"`
	Skipped string `json:"-"`
	unseen  string
	Any     any
	Anys    []any
	Objects map[string]any
	Strings map[string]string
	Named   map[Named]Named
	Lists   map[string][]string
	Structs map[string]Inner
	Next    *everything
	Twice   **int
	Bytes   []byte
	Ints    []int
	Nested  [][]Inner
	Raw     json.RawMessage
	RawAt   *json.RawMessage
	Number  json.Number
	Empty   struct{}
	Voids   []struct{}
	Time    time.Time
	Inner   Inner `json:"inner"`
	Kelvin  string
	Straße  string
}

type omitting struct {
	Bool   bool           `json:",omitempty"`
	Int    int            `json:",omitempty"`
	Float  float64        `json:"float,omitempty"`
	String string         `json:"string,omitempty"`
	Slice  []int          `json:"slice,omitempty"`
	Map    map[string]int `json:"map,omitempty"`
	At     *int           `json:"at,omitempty"`
	Any    any            `json:"any,omitempty"`
	Struct Inner          `json:"struct,omitempty"`
	Array  [0]int         `json:"array,omitempty"`
	Zero   Inner          `json:"zero,omitzero"`
	Bytes  []byte         `json:"bytes,omitempty"`
}

// Those that this package leaves to encoding/json, as a whole or as a part.
type (
	timeless struct {
		At time.Time `json:"at,omitzero"`
	}
	quoted struct {
		Int    int     `json:",string"`
		Float  float64 `json:",string"`
		String string  `json:",string"`
	}
	embedsPointer struct {
		*Inner
		Own string
	}
	ambiguous struct {
		Inner
		Other struct{ Shared int } `json:"shared"`
	}
	keyed struct {
		Ints  map[int]string
		Texts map[upper]string
		Array [3]int
		Face  fmt.Stringer
	}
	upper string
	shout struct{ Said string }
	quiet struct{ Said string }
	mixed struct {
		Before string
		Upper  upper
		Shout  shout
		At     *shout
		Quiet  quiet
		Quiets []quiet
		Mapped map[string]quiet
		Any    any
		After  string
	}
)

func (u *upper) UnmarshalText(text []byte) error {
	*u = upper(strings.ToUpper(string(text)))
	return nil
}

func (u upper) MarshalText() ([]byte, error) { return []byte("<" + string(u) + ">"), nil }

func (s *shout) UnmarshalJSON(text []byte) error {
	s.Said = string(text) + "!"
	return nil
}

func (s shout) MarshalJSON() ([]byte, error) { return json.Marshal([]string{s.Said, "&"}) }

// MarshalJSON is that of a pointer, which encoding/json calls where there is an address.
func (q *quiet) MarshalJSON() ([]byte, error) { return []byte(`{"quiet" : "` + q.Said + `"}`), nil }

var targets = []reflect.Type{
	reflect.TypeFor[any](), reflect.TypeFor[everything](), reflect.TypeFor[deep](), reflect.TypeFor[omitting](),
	reflect.TypeFor[map[string]any](), reflect.TypeFor[map[string]string](), reflect.TypeFor[[]string](),
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[float64](), reflect.TypeFor[*everything](),
	reflect.TypeFor[quoted](), reflect.TypeFor[embedsPointer](), reflect.TypeFor[ambiguous](),
	reflect.TypeFor[keyed](),
	reflect.TypeFor[mixed](), reflect.TypeFor[timeless](), reflect.TypeFor[json.RawMessage](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[uint8](), reflect.TypeFor[float32](), reflect.TypeFor[[]byte](),
	reflect.TypeFor[map[Named][]Inner](), reflect.TypeFor[[]map[string]int64](), reflect.TypeFor[[2]int](),
}

// What is in the types and texts of most handlers is read and written here.
func TestCommonTextsAreRead(t *testing.T) {
	all := reflect.TypeFor[everything]()
	for text, target := range map[string]reflect.Type{
		` {"Int" : -12 , "String" : "a\"\u00e9\ud83d\ude00\n" }` + "\n": all,
		`{"int":1,"KELVIN":"k","\u212aelvin":"K","STRASSE":"no","STRAßE":"yes","nothing":[{"x":[1,` +
			`"\\",null]}]}`: reflect.TypeFor[omitting](),
		`{"STRAßE":"ß"}`: all,
		`{"ſtring":"long s","<NAME & MORE>":"x",` +
			`"-":"dash"}`: all,
		`{"Any":{"a":[1,2.5,"x",null,true,{"b":{}}]},"Anys":[],"Objects":{"z":1,"a":"b"},"Strings":{"b":"1",` +
			`"a":null}}`: all,
		`{"Named":{"b":"1","a":"2"},"Lists":{"x":["a"],"y":null,"z":[]},"Structs":{"s":{"Inside":"i"},` +
			`"e":{}}}`: all,
		`{"Next":{"Next":{"Next":null},"Int8":-128},"Twice":5,"Bytes":"aGk=",` +
			`"Ints":[1,2,3,4,5,6,7,8,9]}`: all,
		`{"Nested":[[{"shared":1},{"shared":2}],[],null],"Raw":{"a": 1},"RawAt":[ ],"Number":-1.5e+9,` +
			`"Voids":[{},{},{}]}`: all,
		`{"Raw":null,"RawAt":null,"Time":"2026-11-28T08:00:00.5Z","Empty":{"a":1},` +
			`"inner":{"Inside":"x"}}`: all,
		`{"Float32":3.4028234e38,"Float64":1e-7,"Uint64":9223372036854775808,` +
			`"Int64":-9223372036854775807}`: all,
		`{"Inside":"i","shared":3,"Shown":"s","Named":"n",` +
			`"own":"o"}`: reflect.TypeFor[deep](),
		`{"Before":"b","Upper":"u","Shout":{"a":1},"At":null,"Quiet":{"Said":"q"},"Quiets":[{"Said":"r"}],` +
			`"Any":1,"After":"a"}`: reflect.TypeFor[mixed](),
		`{"Before":"b","At":{"x":0},` +
			`"Mapped":{"m":{"Said":"s"}}}`: reflect.TypeFor[mixed](),
		`{"Ints":{"1":"a"},"Texts":{"a":"b"},"Array":[1,2],` +
			`"Face":null}`: reflect.TypeFor[keyed](),
		`null`: reflect.TypeFor[*everything](),
		`""`:   reflect.TypeFor[string](),
		`"` + strings.Repeat("long text ", 1000) + `"`:            reflect.TypeFor[string](),
		`"` + strings.Repeat("ü€😀", 1000) + `"`:                   reflect.TypeFor[any](),
		strings.Repeat("[", levels) + strings.Repeat("]", levels): reflect.TypeFor[any](),
	} {
		if !read(t, text, target) {
			t.Errorf("%s as %v was left to encoding/json", shown(text), target)
		}
	}
}

// Texts in which one thing is wrong, or unusual.
var unusual = []string{
	``, ` `, `{`, `}`, `[`, `]`, `{]`, `[}`, `"`, `nul`, `nulll`, `tru`, `truex`, `False`, `{"a"}`, `{"a":}`,
	`{"a":1,}`,
	`{,}`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1}x`, `{} {}`, `{"a":1}` + "\x00", "\ufeff{}",
	`'a'`,
	`01`, `-`, `-01`, `+1`, `1.`, `.5`, `1e`, `1e+`, `1E5`,
	`1e400`, `1e22`, `1e23`, `123e22`, `1e-22`, `1e-23`, `1e-25`, `1.5e-24`, `12345e-27`,
	`-1e400`, `1e-400`, `-0`, `-0.0`, `0e0`, `00`,
	`0x1`,
	`123456789012345678901234567890`, `0.1234567890123456789`, `9007199254740993`, `1.7976931348623157e308`, `5e-324`,
	`127`, `128`, `-128`, `-129`, `255`, `256`, `3.0`, `1e2`, `3.4028236e38`, `18446744073709551615`,
	`18446744073709551616`,
	`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `NaN`, `Infinity`,
	`"\u"`, `"\u12"`, `"\u123g"`, `"\uD800"`, `"\ud800x"`, `"\ud800\u0041"`, `"\udc00\ud800"`, `"\ud800\ud83d\ude00"`,
	`"\ud83d\ude00"`, `"\U0041"`, `"\x41"`, `"\'"`, `"\`, `"\"`, `"\\"`, `"\/"`, `"\b\f\n\r\t\u0000"`, "\"\n\"",
	"\"\x1f\"",
	"\"\x7f\"", "\"\xff\"", "\"a\xc3\"", "\"\xed\xa0\x80\"", "\"\u2028\u2029<>&\"", `"\u2028"`, `"\u003c"`,
	"\"12345678\xe2\x28\"",
	`"<script>"`, `"a & b"`, `"aGk"`, `"aGk="`, `"a\u0047k="`, "\"aG\\nk=\"", `"YQ=="`,
	`{"Int":1,"Int":2}`, `{"Int":1,"int":2}`, `{"inner":{"Inside":"a"},"inner":{"shared":1}}`,
	`{"Ints":[1,2],"Ints":[3]}`,
	`{"a":1,"a":2}`, `{"Any":{"a":1},"Any":{"b":2}}`, `{"Objects":{"a":1},"Objects":{"b":2}}`, `{"Int":1,"Int":null}`,
	`{"Int":"1"}`, `{"Int":1.5}`, `{"Int":true}`, `{"Int":[]}`, `{"Int":{}}`, `{"String":1}`, `{"String":null}`,
	`{"Bool":"true"}`,
	`{"Bool":0}`, `{"Bool":true}`, `{"Ints":{}}`, `{"Ints":[1,"2"]}`, `{"Ints":null}`, `{"Next":1}`, `{"Next":[]}`,
	`{"Next":{"Int":"x"}}`,
	`{"Bytes":[1,2,3]}`, `{"Bytes":"***"}`, `{"Bytes":null}`, `{"Bytes":""}`, `{"Number":"12"}`, `{"Number":"x"}`,
	`{"Number":""}`,
	`{"Number":01}`, `{"Number":null}`, `{"Raw":x}`, `{"Raw":[1,}`, `{"Time":"x"}`, `{"Time":1}`, `{"Time":null}`,
	`{"Strings":{"a":1}}`,
	`{"Strings":[]}`, `{"Named":{"a":1}}`, `{"Structs":{"a":1}}`, `{"Structs":{"a":{"shared":1},"a":{"Inside":"x"}}}`,
	`{"Empty":1}`,
	`{"Voids":[{},1]}`, `{"unseen":"x","Skipped":"x","-":"x","shy":"x"}`, `{"":1}`, `{"Int8":128}`, `{"Uint8":-1}`,
	`{"Uint":-0}`,
	`{"Float32":1e39}`, `{"Float64":1e309}`, `{"Twice":null}`, `{"\u0049nt":1}`, `{"\ud800":1}`, "{\"In\xff\":1}",
	`{"Kelvin":1}`,
	`{"Int":"1","Float":"2.5","String":"\"x\""}`, `{"Ints":{"x":"a"}}`, `{"Array":[1,2,3,4]}`, `{"Face":1}`,
	`{"Upper":1}`, `{"Upper":null}`,
	`{"Shout":null}`, `{"Shout":1,"After":`, `{"Shout":1,"After":2}`, `{"at":"0001-01-01T00:00:00Z"}`,
	`{"shared":{"Shared":1}}`,
	`{"Own":"o","Inside":"i"}`, `[null]`, `[[],{},"",0,true,false,null]`, `{"a":[{"b":{"c":[1]}}]}`,
	"\t\r\n {\t\r\n }\t\r\n ", "\v1", "\u00a01",
	strings.Repeat("[", 1001) + strings.Repeat("]", 1001), strings.Repeat("[", 20_000),
	strings.Repeat(`{"Next":`, 20_000),
	`{"unknown":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
}

func TestUnusualTextsAreReadAsEncodingJSONDoes(t *testing.T) {
	for _, text := range unusual {
		for _, target := range targets {
			read(t, text, target)
		}
	}
}

// lenient reads whatever there is.
type lenient struct{ Got string }

func (l *lenient) UnmarshalJSON(text []byte) error {
	l.Got = string(text)
	return nil
}

// encoding/json calls no methods of what is embedded in a struct without a name, unless that stands alone.
func TestStructsWithoutNamesThatHaveMethodsAreLeft(t *testing.T) {
	for _, target := range []reflect.Type{
		reflect.TypeFor[struct{ D struct{ lenient } }](), reflect.TypeFor[struct{ D []struct{ lenient } }](),
		reflect.TypeFor[struct{ D *struct{ lenient } }](), reflect.TypeFor[struct{ lenient }](),
		reflect.TypeFor[struct {
			D struct {
				*lenient
				Zone string
			}
		}](),
		reflect.TypeFor[struct {
			D struct {
				json.Unmarshaler
				Zone string
			}
		}](),
		reflect.TypeFor[struct {
			D map[string]struct{ time.Time }
		}](),
	} {
		for _, text := range []string{
			`{"D":{"Got":"x"}}`, `{"D":[{"Got":"x"}]}`, `{"D":{"Zone":"x"}}`, `{"D":null}`, `{"D":"x"}`, `{"Got":"x"}`,
			`{"D":{"a":"2026-01-01T00:00:00Z"}}`,
		} {
			read(t, text, target)
		}
	}
}

// A struct with many fields finds a name in another way.
func TestNamesOfManyFieldsAreTheSameButForCase(t *testing.T) {
	target := reflect.TypeFor[struct {
		Kelvin, KELVIN, Straße, Sharp, A, B, C, D, E string
		Sigma                                        string `json:"σ"`
	}]()
	for _, name := range []string{
		"Kelvin", "kelvin", "\u212aelvin", "KELVIN", "ſharp", "SHARP", "straße", "STRASSE", "STRAẞE", "Σ", "ς", "a", "é", "",
		strings.Repeat("a", 100),
	} {
		if !read(t, `{"`+name+`":"x"}`, target) {
			t.Errorf("%s was left to encoding/json", name)
		}
	}
}

func TestDeeperTextsThanAllowedAreLeft(t *testing.T) {
	for _, target := range []reflect.Type{
		reflect.TypeFor[any](), reflect.TypeFor[struct{}](), reflect.TypeFor[everything](),
	} {
		for _, form := range []string{"%s", `{"Any":%s}`} {
			for _, bracket := range []string{"[]", "{}"} {
				open, end := bracket[:1], bracket[1:]
				if open == "{" {
					open = `{"Next":`
				}
				within := levels - strings.Count(form, "{")
				deepest := fmt.Sprintf(form, strings.Repeat(open, within-1)+bracket+strings.Repeat(end, within-1))
				tooDeep := fmt.Sprintf(form, strings.Repeat(open, within)+bracket+strings.Repeat(end, within))
				if isObject := deepest[0] == '{'; isObject || target.Kind() == reflect.Interface {
					if !read(t, deepest, target) {
						t.Errorf("%s... as %v was left to encoding/json", deepest[:10], target)
					}
				}
				if read(t, tooDeep, target) {
					t.Errorf("%s... as %v was read", tooDeep[:10], target)
				}
			}
		}
	}
}

// A method of the handler's sees no text that is not JSON to its end, as with encoding/json.
type counted struct{}

var calls int

func (*counted) UnmarshalJSON([]byte) error {
	calls++
	return nil
}

func TestMethodsAreCalledOnlyForJSON(t *testing.T) {
	type target struct{ A, B counted }
	calls = 0
	if Unmarshal([]byte(`{"A":1,"B":2`), &target{}) || calls != 0 {
		t.Errorf("methods were called %d times for half a text", calls)
	}
	if !Unmarshal([]byte(`{"A":1,"B":2}`), &target{}) || calls != 2 {
		t.Errorf("methods were called %d times for two values", calls)
	}
}

// The memory of an event is that of the next event.
func TestNothingReadIsInTheMemoryOfTheText(t *testing.T) {
	text := []byte(`{"String":"short","<name & more>":"` +
		strings.Repeat("long", 50) + `","Any":{"name":"value"},"Raw":[1],
		"Number":12,"Strings":{"a":"b"},"Bytes":"aGk=","Lists":{"c":["d"]},"Named":{"e":"f"}}`)
	var quick, expected everything
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	if !Unmarshal(text, &quick) {
		t.Fatal("it was left to encoding/json")
	}
	for i := range text {
		text[i] = '#'
	}
	if !reflect.DeepEqual(quick, expected) {
		t.Errorf("it became %+v", quick)
	}
}

func TestStructsOfManyFieldsAreRead(t *testing.T) {
	for _, count := range []int{1, 64, 65, maxFields, maxFields + 1, 300} {
		fields := make([]reflect.StructField, count)
		members := make([]string, count)
		for i := range fields {
			fields[i] = reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int]()}
			members[i] = fmt.Sprintf(`"f%d":%d`, i, i+1)
		}
		text := "{" + strings.Join(members, ",") + "}"
		if quick := read(t, text, reflect.StructOf(fields)); quick != (count <= maxFields) {
			t.Errorf("a struct of %d fields was read here: %v", count, quick)
		}
	}
}

// Or a handler that keeps a short string would keep all of the event.
func TestAShortStringSharesLittleMemory(t *testing.T) {
	r := reader{text: []byte(`"` + strings.Repeat("s", maxPooled) + `""` + strings.Repeat("l", maxPooled+1) + `"`)}
	if _, ok := r.string(); !ok || len(r.pool) != maxPooled || cap(r.pool) != poolSize {
		t.Errorf("a short string is in a block of %d with %d used", cap(r.pool), len(r.pool))
	}
	if _, ok := r.string(); !ok || len(r.pool) != maxPooled {
		t.Errorf("a long string is in a block of %d", cap(r.pool))
	}
}
