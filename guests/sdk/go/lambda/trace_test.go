package lambda_test

import (
	"regexp"
	"strings"
	"testing"

	"guesthouse.dev/go/lambda"
)

type store struct{ items map[string]*int }

func (s *store) get(key string) int { return *s.items[key] }

func handler() error {
	defer func() { recover(); panic("second") }()
	(&store{}).get("none")
	return nil
}

// In a package of its own, because a trace ends where this package begins.
func TestATraceHasTheHandlersFrames(t *testing.T) {
	for _, c := range []struct {
		handler any
		trace   string
	}{
		{func() int { return (&store{}).get("none") }, `^lambda_test.\(\*store\).get \([\w/]*lambda/trace_test.go:\d+\)\nlambda_test\.[\w.]+ \([\w/]*lambda/trace_test.go:\d+\)$`},
		{handler, `^lambda_test.handler.func1 \([\w/]*lambda/trace_test.go:\d+\)\n`},
	} {
		trace := strings.Join(lambda.TraceOf(c.handler), "\n")
		if !regexp.MustCompile(c.trace).MatchString(trace) {
			t.Errorf("%s", trace)
		}
	}
}
