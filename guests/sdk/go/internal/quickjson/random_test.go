package quickjson

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

// Texts of JSON, most of them with names of the targets' fields, and then damaged in half of the cases.
func TestRandomTextsAreReadAsEncodingJSONDoes(t *testing.T) {
	const texts = 6_000
	random := rand.New(rand.NewSource(20))
	taken := 0
	for range texts {
		text := someValue(random, 4)
		if random.Intn(2) == 0 {
			text = damaged(random, text)
		}
		for _, target := range targets {
			if read(t, text, target) {
				taken++
			}
		}
		if t.Failed() {
			return
		}
	}
	// Most texts do not fit most types.
	if taken < texts*3 {
		t.Errorf("only %d of the texts were read at all", taken)
	}
}

func FuzzTextsAreReadAsEncodingJSONDoes(f *testing.F) {
	for _, text := range unusual {
		if len(text) < 1000 {
			f.Add(text)
		}
	}
	random := rand.New(rand.NewSource(65))
	for range 50 {
		f.Add(someValue(random, 3))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, target := range targets {
			read(t, text, target)
		}
	})
}

var names = []string{
	"Bool", "Int", "Int8", "Int64", "Uint8", "Uint64", "Float32", "Float64", "String", "<name & more>", "-", "Any",
	"Anys", "Objects",
	"Strings", "Named", "Lists", "Structs", "Next", "Twice", "Bytes", "Ints", "Nested", "Raw", "RawAt", "Number",
	"Empty", "Voids", "Time",
	"inner", "Kelvin", "Straße", "Inside", "shared", "Shown", "own", "float", "string", "slice", "map", "at", "any",
	"struct", "zero",
	"Before", "Upper", "Shout", "Quiet", "Quiets", "Mapped", "After", "Array", "Texts", "a", "", "unknown", "intern",
}

var strs = []string{
	"", "a", "short", "2026-11-28T08:00:00Z", "aGk=", "12", "true", `\"`, `\\`, `\n\t\u00e9`, `\ud83d\ude00`,
	`\ud800`, "ü", "😀€", "\u2028",
	"<&>", "exactly8", "exactly8exactly8", "nine long", strings.Repeat("x", 63), strings.Repeat("y", 65),
	strings.Repeat("z", 600),
}

var literals = []string{
	"true", "false", "null", "0", "-0", "1e3", "1.5", "1E-7", "255", "256", "-129", "1e999", "12345678901234567890",
}

func someValue(random *rand.Rand, depth int) string {
	space := [...]string{"", "", "", " ", "\n\t"}[random.Intn(5)]
	pick := random.Intn(8)
	if depth == 4 {
		pick = 4 + random.Intn(5)
	}
	switch {
	case depth == 0 || pick < 2:
		return space + literals[random.Intn(len(literals))]
	case pick == 2:
		return strconv.FormatFloat(random.NormFloat64()*float64(random.Intn(1_000_000)), 'g', -1, 64)
	case pick == 3:
		return strconv.Itoa(random.Intn(1000) - 500)
	case pick == 4:
		return someString(random)
	case pick == 5:
		elements := make([]string, random.Intn(7))
		for i := range elements {
			elements[i] = someValue(random, depth-1)
		}
		return "[" + space + strings.Join(elements, space+",") + space + "]"
	default:
		members := make([]string, random.Intn(6))
		for i := range members {
			name := names[random.Intn(len(names))]
			value := someValue(random, depth-1)
			if random.Intn(3) > 0 {
				value = fitting(random, name, depth)
			}
			switch random.Intn(10) {
			case 0:
				name = strings.ToUpper(name)
			case 1:
				name = strings.ToLower(name)
			}
			members[i] = fmt.Sprintf("%q%s:%s%s", name, space, space, value)
		}
		return "{" + space + strings.Join(members, ","+space) + space + "}"
	}
}

// fitting returns a value that the field of this name can have.
func fitting(random *rand.Rand, name string, depth int) string {
	switch {
	case name == "Bool":
		return "true"
	case name == "Int8", name == "Int", strings.HasPrefix(name, "Uint"), name == "Twice", name == "shared":
		return strconv.Itoa(random.Intn(128))
	case strings.HasPrefix(name, "Float"), name == "Number", name == "float":
		return strconv.FormatFloat(random.ExpFloat64(), 'g', 1+random.Intn(17), 64)
	case strings.HasSuffix(name, "s") && name != "Structs" && name != "Strings" && name != "Ints" && name != "Bytes":
		return "[" + someValue(random, depth-1) + "]"
	case name == "Ints", name == "slice", name == "Array":
		return strings.ReplaceAll(fmt.Sprint(random.Perm(random.Intn(12))), " ", ",")
	case name == "Next", name == "inner", name == "Objects", name == "Quiet", name == "struct", name == "zero":
		return someValue(random, 4)
	case name == "Bytes":
		return `"aGk="`
	case name == "Time", name == "at":
		return `"2026-11-28T08:00:00Z"`
	default:
		return someString(random)
	}
}

func someString(random *rand.Rand) string {
	return `"` + strs[random.Intn(len(strs))] + strs[random.Intn(len(strs))] + `"`
}

// damaged returns the text with one to three bytes changed, taken out or put in.
func damaged(random *rand.Rand, text string) string {
	bytes := []byte(text)
	const put = "{}[]\",:\\ 0-eE.tfnu\x00\x1f\x80\xff"
	for range 1 + random.Intn(3) {
		if len(bytes) == 0 {
			break
		}
		at := random.Intn(len(bytes))
		switch random.Intn(4) {
		case 0:
			bytes[at] = put[random.Intn(len(put))]
		case 1:
			bytes = append(bytes[:at], bytes[at+1:]...)
		case 2:
			bytes = append(bytes[:at], append([]byte{put[random.Intn(len(put))]}, bytes[at:]...)...)
		default:
			bytes = bytes[:at]
		}
	}
	return string(bytes)
}
