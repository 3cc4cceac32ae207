// This guest is a handler of net/http. It has the routes of the guest in Rust that tests need of it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"guesthouse.dev/go/lambdahttp"
)

var requests int

func main() {
	http.HandleFunc("/request", describe)
	http.HandleFunc("/echo", echo)
	http.HandleFunc("GET /orders/{id}", order)
	http.HandleFunc("/pieces", pieces)
	http.HandleFunc("/trailers", trailers)
	http.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) {
		requests++
		fmt.Fprintf(w, `{"requests":%d}`, requests)
	})
	http.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(number(r, "code"))
	})
	http.HandleFunc("/cookies", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Expires: time.Date(2065, 10, 21, 7, 28, 0, 0, time.UTC)})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	})
	http.HandleFunc("/panic", fail)
	http.HandleFunc("/length", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.URL.Query().Get("says"))
		if _, err := io.WriteString(w, strings.Repeat("x", number(r, "sends"))); err != nil {
			fmt.Println(err)
		}
	})
	lambdahttp.Start(nil)
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// describe tells what the guest got, as JSON.
func describe(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	deadline, _ := r.Context().Deadline()
	described := map[string]any{
		"method": r.Method, "uri": r.RequestURI, "path": r.URL.Path, "query": r.URL.RawQuery, "host": r.Host,
		"isHTTPS": r.TLS != nil, "headers": r.Header, "remoteAddr": r.RemoteAddr, "contentLength": r.ContentLength,
		"hasBody": r.Body != http.NoBody, "body": string(body), "deadlineMs": max(0, deadline.UnixMilli()),
		"function": lambdacontext.FunctionName,
	}
	if lc, ok := lambdacontext.FromContext(r.Context()); ok {
		described["requestId"], described["arn"] = lc.AwsRequestID, lc.InvokedFunctionArn
	}
	var requestContext events.APIGatewayV2HTTPRequestContext
	if json.Unmarshal(lambdahttp.RequestContext(r), &requestContext) == nil {
		described["stage"] = requestContext.Stage
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(described)
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if _, err := io.Copy(w, r.Body); err != nil {
		fmt.Println(err)
	}
}

func order(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "order %s", r.PathValue("id"))
}

func pieces(w http.ResponseWriter, r *http.Request) {
	piece := strings.Repeat("x", number(r, "size"))
	for i := range number(r, "count") {
		if _, err := fmt.Fprintf(w, "%d:%s", i, piece); err != nil {
			fmt.Println("nobody receives the rest:", err)
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(time.Duration(number(r, "wait")) * time.Millisecond)
	}
}

func trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Checksum")
	io.WriteString(w, "with a trailer")
	w.Header().Set("X-Checksum", "42")
}

func fail(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("after") {
		io.WriteString(w, strings.Repeat("x", number(r, "after")))
		w.(http.Flusher).Flush()
	}
	if r.URL.Query().Has("abort") {
		panic(http.ErrAbortHandler)
	}
	panic(errors.New("the handler gives up"))
}
