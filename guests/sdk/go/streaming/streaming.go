// Package streaming streams the responses that are an [io.Reader], while the handler makes them:
//
//	import _ "guesthouse.dev/go/streaming"
//
//	func handle(ctx context.Context, event Event) (io.Reader, error)
//
// `guesthouse build` adds the import to a guest whose handler returns an io.Reader, or an
// events.LambdaFunctionURLStreamingResponse. Without it, such a response is collected, and sent whole.
//
// A response with a method ContentType() string has the media type that it returns, any other one has
// application/octet-stream.
package streaming
