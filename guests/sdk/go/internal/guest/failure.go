package guest

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// Failure is the contract's handler-error: what the caller gets.
type Failure struct {
	Type    string
	Message string
	// Trace has the innermost frame first.
	Trace []string
}

func (f *Failure) Error() string {
	return f.Message
}

// FailureOf makes one of the error that a handler returned, or of the value of a panic.
func FailureOf(value any, message string) *Failure {
	switch value := value.(type) {
	case *Failure:
		return value
	case messages.InvokeResponse_Error:
		return failureOfMessage(&value)
	case *messages.InvokeResponse_Error:
		if value != nil {
			return failureOfMessage(value)
		}
	}
	return &Failure{Type: typeName(value), Message: message}
}

func failureOfMessage(message *messages.InvokeResponse_Error) *Failure {
	f := &Failure{Type: message.Type, Message: message.Message}
	for _, frame := range message.StackTrace {
		if frame != nil {
			f.Trace = append(f.Trace, fmt.Sprintf("%s (%s:%d)", frame.Label, frame.Path, frame.Line))
		}
	}
	return f
}

// typeName is what a caller can match on: the type without its package, and without the pointer.
func typeName(value any) string {
	kind := reflect.TypeOf(value)
	if kind != nil && kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind == nil || kind.Name() == "" {
		return "Error"
	}
	return kind.Name()
}

// Protect runs f, and makes a failure of its panic. To AWS a panic is the process's end; here nothing would be won by
// that.
func Protect(f func() error) (failed *Failure) {
	defer func() {
		if value := recover(); value != nil {
			// Not value.Error(): it may be what panicked, and fmt takes that, too.
			failed = FailureOf(value, fmt.Sprint(value))
			if failed.Trace == nil {
				failed.Trace = panicTrace()
			}
		}
	}()
	if err := f(); err != nil {
		return FailureOf(err, err.Error())
	}
	return nil
}

// A trace longer than this helps nobody.
const maxFrames = 32

// panicTrace lists the frames between the panic that is being recovered and the SDK.
func panicTrace() []string {
	counters := make([]uintptr, 2*maxFrames)
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters)])
	var trace []string
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "runtime."):
			// Before it are the frames of who recovers.
			panicked = panicked || frame.Function == "runtime.gopanic"
		case !panicked:
		case isOwn(frame.Function):
			return withoutReflection(trace)
		case len(trace) < maxFrames:
			trace = append(trace, fmt.Sprintf("%s (%s:%d)", shortFunction(frame.Function), shortFile(frame), frame.Line))
		}
		if !more {
			return withoutReflection(trace)
		}
	}
}

// base is the path that the SDK's packages are below. It is another one where `guesthouse build` puts the SDK in the
// place of AWS's package.
var base = strings.TrimSuffix(reflect.TypeFor[Failure]().PkgPath(), "/internal/guest")

// isOwn says whether a function is of the packages that call handlers.
func isOwn(function string) bool {
	rest, isBelow := strings.CutPrefix(function, base)
	if !isBelow {
		return false
	}
	for _, own := range []string{".", "/lambda.", "/lambdahttp.", "/internal/guest."} {
		if strings.HasPrefix(rest, own) {
			return true
		}
	}
	return false
}

// withoutReflection takes off the frames through which the handler was called.
func withoutReflection(trace []string) []string {
	for len(trace) > 0 && strings.HasPrefix(trace[len(trace)-1], "reflect.") {
		trace = trace[:len(trace)-1]
	}
	return trace
}

// shortFunction is `orders.(*Store).Get` for `example.com/shop/orders.(*Store).Get`.
func shortFunction(function string) string {
	return function[strings.LastIndex(function, "/")+1:]
}

// shortFile is the file's path from its package's directory on. What is before that is of the machine where it was
// built.
func shortFile(frame runtime.Frame) string {
	start := len(frame.File)
	for range strings.Count(frame.Function, "/") + 2 {
		slash := strings.LastIndex(frame.File[:start], "/")
		if slash < 0 {
			return frame.File
		}
		start = slash
	}
	return frame.File[start+1:]
}
