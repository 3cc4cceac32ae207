package wasi

import (
	"errors"
	"fmt"
	"runtime"
	"structs"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// Request is an outgoing-request that was not sent.
type Request struct {
	Method    string
	Scheme    string
	Authority string
	Path      string
	Fields    []Field
	// HasBody says whether the response of [Send] has an upload.
	HasBody bool
}

// HTTPFailure is an error-code of wasi:http.
type HTTPFailure struct {
	Code uint8
	// Text is what the code comes with. It is empty if it comes with none, or with numbers.
	Text string
}

func (f *HTTPFailure) Error() string {
	return fmt.Sprintf("error-code %d of wasi:http %s", f.Code, f.Text)
}

var (
	// ErrField is a header or trailer that is none, or that is not the guest's to set.
	ErrField = errors.New("the host takes no such header")
	// ErrRequest is a method, a scheme, a host or a path that is none.
	ErrRequest = errors.New("the host takes no such method, host or path")
)

var methods = map[string]uint32{
	"": 0, "GET": 0, "HEAD": 1, "POST": 2, "PUT": 3, "DELETE": 4, "CONNECT": 5, "OPTIONS": 6, "TRACE": 7, "PATCH": 8,
}

// Send sends the request. The body, if it has one, is yet to be written.
func Send(r *Request) (*Exchange, error) {
	fields, err := newFields(r.Fields)
	if err != nil {
		return nil, err
	}
	request := newOutgoingRequest(fields)
	which, known := methods[r.Method]
	if !known {
		const other = 9
		which = other
	}
	scheme := uint32(0)
	if r.Scheme == "https" {
		scheme = 1
	}
	refused := which != 0 && setMethod(request, which, r.Method) != 0 || setScheme(request, 1, scheme, "") != 0 ||
		setAuthority(request, 1, r.Authority) != 0 || setPathWithQuery(request, 1, r.Path) != 0
	if refused {
		dropOutgoingRequest(request)
		return nil, ErrRequest
	}
	x := &Exchange{}
	if r.HasBody {
		outgoingRequestBody(request, unsafe.Pointer(&result))
		body := result.u32(4)
		outgoingBodyWrite(body, unsafe.Pointer(&result))
		output := Output(result.u32(4))
		x.Upload = &Upload{Output: output, body: body}
	}
	mark := arena.Mark()
	handleRequest(request, 0, 0, unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		failure := failureAt(8, mark)
		if x.Upload != nil {
			x.Upload.Drop()
		}
		return nil, failure
	}
	x.future = result.u32(8)
	return x, nil
}

// newFields makes fields of a list.
func newFields(given []Field) (uint32, error) {
	type entry struct {
		_           structs.HostLayout
		name, value list
	}
	entries := make([]entry, len(given))
	for i, field := range given {
		entries[i] = entry{name: listOf(field.Name), value: listOf(field.Value)}
	}
	fieldsFromList(unsafe.Pointer(unsafe.SliceData(entries)), uint32(len(entries)), unsafe.Pointer(&result))
	runtime.KeepAlive(given)
	if result.u8(0) != 0 {
		return 0, ErrField
	}
	return result.u32(4), nil
}

// entries returns the list of the fields, and drops them.
func entries(fields uint32) []Field {
	defer dropFields(fields)
	memory := make([]byte, usualHead)
	for {
		mark := arena.Mark()
		fieldsEntries(fields, unsafe.Pointer(&result))
		written := arena.Since(mark)
		if len(written) > len(memory) {
			length := len(written)
			reset(mark)
			memory = make([]byte, length)
			continue
		}
		copy(memory, written)
		base, at, n := addressOf(written), result.u32(0), result.u32(4)
		reset(mark)
		return fieldsIn(memory, base, at, n)
	}
}

// usualHead is how much memory most responses' headers take, with their lengths.
const usualHead = 1 << 10

// fieldsIn reads the list of n entries at an address. The memory is a copy of that at base, and is the fields' own.
func fieldsIn(memory []byte, base, at, n uint32) []Field {
	text := func(l list) string {
		if l.length == 0 {
			return ""
		}
		return unsafe.String(&memory[l.address-base], l.length)
	}
	fields := make([]Field, n)
	const entry = 16
	for i := range fields {
		pair := (*[2]list)(unsafe.Pointer(&memory[at-base+uint32(i)*entry]))
		fields[i] = Field{Name: text(pair[0]), Value: text(pair[1])}
	}
	return fields
}

func addressOf(memory []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
}

// failureAt reads the result's error-code, and resets the arena.
func failureAt(at, mark uintptr) *HTTPFailure {
	// On the stack, because the arena's memory may be another goroutine's once this one allocates.
	var text [1 << 10]byte
	n := 0
	code := result.u8(at)
	switch code {
	case codeDNSError, codeInternalError:
		if result.u8(at+8) != 0 {
			n = copy(text[:], result.list(at+12))
		}
	}
	reset(mark)
	return &HTTPFailure{Code: code, Text: string(text[:n])}
}

const (
	codeDNSError      = 1
	codeInternalError = 38
)
