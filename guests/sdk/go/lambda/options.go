package lambda

import "context"

// Option changes how a handler is run.
type Option func(*handlerOptions)

type handlerOptions struct {
	baseContext           context.Context
	contextValues         []contextValue
	useNumber             bool
	disallowUnknownFields bool
	escapeHTML            bool
	indentPrefix          string
	indent                string
}

type contextValue struct{ key, value any }

// WithContext makes the contexts of all invocations children of ctx.
func WithContext(ctx context.Context) Option {
	return func(o *handlerOptions) { o.baseContext = ctx }
}

// WithContextValue adds a value to the contexts of all invocations.
func WithContextValue(key, value any) Option {
	return func(o *handlerOptions) { o.contextValues = append(o.contextValues, contextValue{key, value}) }
}

// WithUseNumber reads numbers into an interface value as [encoding/json.Number] instead of float64.
func WithUseNumber(useNumber bool) Option {
	return func(o *handlerOptions) { o.useNumber = useNumber }
}

// WithDisallowUnknownFields refuses events with members that TIn does not have.
func WithDisallowUnknownFields(disallow bool) Option {
	return func(o *handlerOptions) { o.disallowUnknownFields = disallow }
}

// WithSetEscapeHTML writes <, > and & in the response's strings as \u003c and so on. Off unless asked for, as on AWS.
func WithSetEscapeHTML(escapeHTML bool) Option {
	return func(o *handlerOptions) { o.escapeHTML = escapeHTML }
}

// WithSetIndent indents the response.
func WithSetIndent(prefix, indent string) Option {
	return func(o *handlerOptions) { o.indentPrefix, o.indent = prefix, indent }
}

// WithEnableSIGTERM is here so that functions compile unchanged. A guest gets no signals: the callbacks never run.
func WithEnableSIGTERM(callbacks ...func()) Option {
	return func(*handlerOptions) {}
}
