package quickjson

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestValuesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	one := 1
	at := &one
	cycle := &everything{}
	cycle.Next = cycle
	loop := []any{nil}
	loop[0] = loop
	for _, value := range []any{
		nil, true, 1, int8(-1), uint16(7), "a<b>&\u2028\u2029\x00\x1f\x7f\"\\/\b\f\n\r\t", "\xff\xc3", "ü😀",
		Named("n"), at, &at,
		(*int)(nil), []int(nil), []int{}, []any{}, map[string]any(nil), map[string]any{}, map[string]string(nil),
		map[string]string{"b": "<", "a": ">", "": "&", "\xff": "\xff"}, map[Named]int{"b": 1, "a": 2},
		map[int]int{10: 1, 9: 2},
		map[string]any{"z": 1, "a": []any{nil, 1.5, "x", true, map[string]any{}}, "<": json.Number("12")}, []byte{},
		[]byte(nil),
		[]byte("bytes"), json.RawMessage(` {"a" : "<"} `), json.RawMessage(nil), json.Number(""), json.Number("x"),
		[2]int{1, 2},
		struct{}{}, []struct{}{{}, {}}, omitting{},
		omitting{Bool: true, Int: 1, Float: -1.5, String: "s", Slice: []int{1},
			Map: map[string]int{"a": 1}, At: at, Any: 0, Struct: Inner{"a", 1}, Zero: Inner{"", 1}, Bytes: []byte{0}},
		omitting{Any: "", Slice: []int{}, Map: map[string]int{}},
		timeless{}, timeless{time.Unix(1, 0).UTC()}, timeless{time.Time{}.In(time.FixedZone("east", 3600))},
		quoted{1, 2, "3"},
		embedsPointer{}, embedsPointer{&Inner{"a", 1}, "o"}, ambiguous{},
		keyed{Texts: map[upper]string{"a": "b"}, Array: [3]int{1}},
		mixed{}, &mixed{},
		mixed{Quiets: []quiet{{"q"}}, Mapped: map[string]quiet{"m": {"m"}}, At: &shout{"s"}, Any: quiet{"any"}},
		&mixed{Quiet: quiet{"addressable"}, Any: &quiet{"p"}}, []mixed{{}}, quiet{"v"}, &quiet{"p"}, []quiet{{"s"}},
		shout{"v"}, upper("u"),
		map[string]mixed{"a": {}}, map[string]*mixed{"a": {}, "b": nil}, deep{},
		deep{Inner{"a", 1}, hidden{"s", "h"}, "n", "o", "1"}, &everything{},
		cycle, loop, func() {}, make(chan int), complex(1, 2), map[bool]int{}, []any{func() {}}, math.NaN(),
		math.Inf(1), []float64{math.NaN()},
		struct{ A any }{make(chan int)}, time.Second, time.Unix(0, 0).UTC(), []time.Time{{}}, fmt.Errorf("an error"),
		struct{ E error }{},
		struct {
			P *Inner `json:"p,omitempty"`
			*Inner
		}{},
	} {
		write(t, value)
	}
	for _, value := range []any{
		nil, "text", mixed{}, everything{}, []string{"a"}, map[string]string{}, struct{ T time.Time }{},
	} {
		if !write(t, value) {
			t.Errorf("%#v was left to encoding/json", value)
		}
	}
}

func TestNumbersAreWrittenAsEncodingJSONDoes(t *testing.T) {
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 100, 1e6, 1e15, 1e16, 1e20, 1e21, 1e22, 1e-5, 1e-6, 9.99e-7, 1e-7,
		1e-10, 1e100, -1e-9,
		123456789, 16777216, 16777217, 9007199254740991, 9007199254740992, 9007199254740993, 1 << 62, math.MaxFloat64,
		math.SmallestNonzeroFloat64, math.MaxFloat32, math.SmallestNonzeroFloat32, math.Pi, 4503599627370497,
		4503599627370497.5,
	} {
		if !write(t, f) || !write(t, []float64{f, -f}) || !math.IsInf(float64(float32(f)), 0) && !write(t, float32(f)) {
			t.Errorf("%g was left to encoding/json", f)
		}
	}
}
