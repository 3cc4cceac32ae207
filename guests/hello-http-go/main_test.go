package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGreetsWhomARequestNames(t *testing.T) {
	w := httptest.NewRecorder()
	hello(w, httptest.NewRequest(http.MethodGet, "/?name=Ada", nil))
	if body := strings.TrimSpace(w.Body.String()); body != `{"count":1,"message":"Hello Ada!"}` {
		t.Error(body)
	}
}
