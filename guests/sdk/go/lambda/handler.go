package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda/handlertrace"

	"guesthouse.dev/go/internal/quickjson"
	"guesthouse.dev/go/internal/streams"
)

// Handler makes a response's bytes of an event's.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// NewHandler makes a [Handler] of whatever [Start] takes. One that it does not take fails every event with the reason.
func NewHandler(handler any) Handler {
	return newHandler(handler)
}

// NewHandlerWithOptions is [NewHandler] with options.
func NewHandlerWithOptions(handler any, options ...Option) Handler {
	return newHandler(handler, options...)
}

// reflected is a handler of any type as one of bytes.
type reflected struct {
	handlerOptions
	invoke func(ctx context.Context, event []byte) (outcome, error)
	// invalid says why there is no handler.
	invalid error
}

func (r *reflected) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	made, err := r.run(ctx, event)
	if err != nil {
		return nil, err
	}
	return made.collect()
}

func (r *reflected) run(ctx context.Context, event []byte) (outcome, error) {
	if r.invalid != nil {
		return outcome{}, r.invalid
	}
	return r.invoke(ctx, event)
}

// outcome is what a handler made: a text, or a reader of it.
type outcome struct {
	text   []byte
	reader io.Reader
}

// collect returns the whole response.
func (r *outcome) collect() ([]byte, error) {
	if r.reader == nil {
		return r.text, nil
	}
	defer r.close()
	return io.ReadAll(r.reader)
}

// stream sends the response while it is read.
func (r *outcome) stream() error {
	defer r.close()
	contentType := "application/octet-stream"
	if typed, ok := r.reader.(interface{ ContentType() string }); ok {
		contentType = typed.ContentType()
	}
	return streams.Send(contentType, r.reader)
}

func (r *outcome) close() {
	if closer, ok := r.reader.(io.Closer); ok {
		closer.Close()
	}
}

func newHandler(handler any, options ...Option) *reflected {
	if already, ok := handler.(*reflected); ok {
		return already
	}
	r := &reflected{handlerOptions: handlerOptions{baseContext: context.Background()}}
	for _, option := range options {
		option(&r.handlerOptions)
	}
	for _, v := range r.contextValues {
		r.baseContext = context.WithValue(r.baseContext, v.key, v.value)
	}
	if h, ok := handler.(Handler); ok {
		r.invoke = func(ctx context.Context, event []byte) (outcome, error) {
			// It may keep the event, whose memory is the next event's. What decodes it copies what it keeps.
			text, err := h.Invoke(ctx, bytes.Clone(event))
			return outcome{text: text}, err
		}
		return r
	}
	r.invoke, r.invalid = reflectHandler(handler, &r.handlerOptions)
	return r
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

func reflectHandler(handler any, options *handlerOptions) (func(context.Context, []byte) (outcome, error), error) {
	if handler == nil {
		return nil, errors.New("the handler is nil")
	}
	function, kind := reflect.ValueOf(handler), reflect.TypeOf(handler)
	if kind.Kind() != reflect.Func {
		return nil, fmt.Errorf("the handler is of kind `%s`, and not a function", kind.Kind())
	}
	if function.IsNil() {
		return nil, errors.New("the handler is nil")
	}
	if kind.IsVariadic() {
		return nil, errors.New("the handler may not take a variable number of arguments")
	}
	takesContext, err := takesContext(kind)
	if err != nil {
		return nil, err
	}
	if err := checkReturns(kind); err != nil {
		return nil, err
	}
	takesEvent := kind.NumIn() == 2 || kind.NumIn() == 1 && !takesContext

	return func(ctx context.Context, event []byte) (outcome, error) {
		trace := handlertrace.FromContext(ctx)
		var arguments []reflect.Value
		if takesContext {
			arguments = append(arguments, reflect.ValueOf(ctx))
		}
		if takesEvent {
			value := reflect.New(kind.In(kind.NumIn() - 1))
			if err := options.decode(event, value.Interface()); err != nil {
				return outcome{}, err
			}
			if trace.RequestEvent != nil {
				trace.RequestEvent(ctx, value.Elem().Interface())
			}
			arguments = append(arguments, value.Elem())
		}

		results := function.Call(arguments)

		if n := len(results); n > 0 {
			if err, ok := results[n-1].Interface().(error); ok && err != nil {
				return outcome{}, err
			}
		}
		var value any
		if len(results) == 2 {
			value = results[0].Interface()
			if trace.ResponseEvent != nil {
				trace.ResponseEvent(ctx, value)
			}
		}
		return options.encode(value)
	}, nil
}

// takesContext says whether the first argument is a context.
func takesContext(handler reflect.Type) (bool, error) {
	switch n := handler.NumIn(); n {
	case 0:
		return false, nil
	case 1, 2:
		first := handler.In(0)
		isContext := first.Kind() == reflect.Interface && contextType.Implements(first) && first.Implements(contextType)
		if n == 2 && !isContext {
			return false, fmt.Errorf("the handler takes two arguments, but the first is `%s`, and not `context.Context`", first)
		}
		// No event can be read into an interface with methods: it is meant to be a context.
		if !isContext && first.Kind() == reflect.Interface && first.NumMethod() > 0 {
			return false, fmt.Errorf("the handler takes the interface `%s`, which is not `context.Context`", first)
		}
		return isContext, nil
	default:
		return false, fmt.Errorf("the handler may not take more than two arguments, but takes %d", n)
	}
}

func checkReturns(handler reflect.Type) error {
	n := handler.NumOut()
	if n > 2 {
		return fmt.Errorf("the handler may not return more than two values, but returns %d", n)
	}
	if n > 0 && !handler.Out(n-1).Implements(errorType) {
		return fmt.Errorf("the handler's last result is `%s`, and not an error", handler.Out(n-1))
	}
	return nil
}

// decode reads the event into what value points to.
func (o *handlerOptions) decode(event []byte, value any) error {
	if err := o.unmarshal(event, value); err != nil {
		return &failure{Type: "InvalidEvent", Message: fmt.Sprintf("the event is not what the handler takes: %v", err)}
	}
	return nil
}

func (o *handlerOptions) unmarshal(event []byte, value any) error {
	if isBlank(event) {
		return errors.New("it is empty")
	}
	if !o.useNumber && !o.disallowUnknownFields && quickjson.Unmarshal(event, value) {
		return nil
	}
	if err := checkDepth(event); err != nil {
		return err
	}
	if !o.useNumber && !o.disallowUnknownFields {
		return json.Unmarshal(event, value)
	}
	// Only a decoder has the options, but it copies the event, and stops where the first value ends.
	decoder := json.NewDecoder(bytes.NewReader(event))
	if o.useNumber {
		decoder.UseNumber()
	}
	if o.disallowUnknownFields {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if !isBlank(event[decoder.InputOffset():]) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func isBlank(json []byte) bool {
	return len(bytes.TrimLeft(json, " \t\r\n")) == 0
}

// encoding/json goes down 10,000 levels by recursion. In a guest the stack ends at about 3,000, with a trap that
// nothing recovers.
const maxDepth = quickjson.MaxDepth

func checkDepth(event []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(event); i++ {
		switch c := event[i]; {
		case c == '"':
			inString = !inString
		case inString:
			if c == '\\' {
				i++
			}
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// encode writes the response as JSON, or leaves it as it is where it is a reader of which JSON has nothing to say.
func (o *handlerOptions) encode(value any) (outcome, error) {
	reader, isReader := value.(io.Reader)
	if !isReader && o.indentPrefix == "" && o.indent == "" {
		if text, ok := quickjson.Marshal(value, o.escapeHTML); ok {
			return outcome{text: text}, nil
		}
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(o.escapeHTML)
	encoder.SetIndent(o.indentPrefix, o.indent)
	err := encoder.Encode(value)

	if isReader && (err != nil || bytes.HasPrefix(written.Bytes(), []byte("{}"))) {
		return outcome{reader: reader}, nil
	}
	if err != nil {
		return outcome{}, &failure{
			Type: "InvalidResponse", Message: fmt.Sprintf("the response can't be written as JSON: %v", err),
		}
	}
	if o.indentPrefix == "" && o.indent == "" {
		return outcome{text: bytes.TrimSuffix(written.Bytes(), []byte("\n"))}, nil
	}
	return outcome{text: written.Bytes()}, nil
}
