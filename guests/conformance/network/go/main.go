// The conformance guest of the network: it does what an event says, with net/http and net as everybody uses them. What
// it responds is in tests/it/network_languages.rs.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"guesthouse.dev/go/lambda"
)

type event struct {
	Op        string            `json:"op"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      *string           `json:"body"`
	Size      int               `json:"size"`
	Chunked   bool              `json:"chunked"`
	N         int               `json:"n"`
	TimeoutMS int               `json:"timeout_ms"`
	Host      string            `json:"host"`
	Port      int               `json:"port"`
	Send      string            `json:"send"`
	Table     string            `json:"table"`
	Bucket    string            `json:"bucket"`
	Keys      []string          `json:"keys"`
	Queue     string            `json:"queue"`
}

type object = map[string]any

var operations = map[string]func(context.Context, event) (object, error){
	"get": get, "post": post, "download": download, "many": many, "unread": unread, "timeout": timeout, "tcp": tcp,
	"bench": bench,
}

func main() {
	lambda.Start(handle)
}

// handle does one thing, and responds with what became of it.
func handle(ctx context.Context, e event) (object, error) {
	operation, ok := operations[e.Op]
	if !ok {
		return nil, fmt.Errorf("there is no operation %q", e.Op)
	}
	response, err := operation(ctx, e)
	if err != nil {
		return object{"error": object{"kind": fmt.Sprintf("%T", err), "message": err.Error()}}, nil
	}
	return response, nil
}

func get(ctx context.Context, e event) (object, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL, nil)
	if err != nil {
		return nil, err
	}
	for name, value := range e.Headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	return told(response, err)
}

func post(ctx context.Context, e event) (object, error) {
	var body io.Reader = bytes.NewReader(bytes.Repeat([]byte("z"), e.Size))
	if e.Body != nil {
		body = strings.NewReader(*e.Body)
	}
	if e.Chunked {
		// net/http does not know how much it is.
		body = io.MultiReader(body)
	}
	response, err := http.Post(e.URL, "text/plain", body)
	return told(response, err)
}

func told(response *http.Response, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{}
	for name, values := range response.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	text := strings.ToValidUTF8(string(body[:min(len(body), 4000)]), "\uFFFD")
	return object{"status": response.StatusCode, "body": text, "length": len(body), "headers": headers}, nil
}

func download(_ context.Context, e event) (object, error) {
	response, err := http.Get(e.URL)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	digest := sha256.New()
	length, err := io.Copy(digest, response.Body)
	if err != nil {
		return nil, err
	}
	sum := hex.EncodeToString(digest.Sum(nil))
	return object{"status": response.StatusCode, "length": length, "sha256": sum}, nil
}

func many(_ context.Context, e event) (object, error) {
	begun := time.Now()
	statuses, failed := make([]int, e.N), make([]error, e.N)
	var all sync.WaitGroup
	for i := range e.N {
		all.Add(1)
		go func() {
			defer all.Done()
			response, err := http.Get(e.URL)
			if err != nil {
				failed[i] = err
				return
			}
			defer response.Body.Close()
			statuses[i] = response.StatusCode
			_, failed[i] = io.Copy(io.Discard, response.Body)
		}()
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return object{"statuses": statuses, "elapsed_ms": time.Since(begun).Milliseconds()}, nil
}

// unread leaves responses unread and open.
func unread(_ context.Context, e event) (object, error) {
	var statuses []int
	for range e.N {
		response, err := http.Get(e.URL)
		if err != nil {
			return nil, err
		}
		statuses = append(statuses, response.StatusCode)
	}
	return object{"statuses": statuses}, nil
}

func timeout(_ context.Context, e event) (object, error) {
	begun := time.Now()
	client := http.Client{Timeout: time.Duration(e.TimeoutMS) * time.Millisecond}
	response, err := client.Get(e.URL)
	if err == nil {
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	elapsed := time.Since(begun).Milliseconds()
	if err == nil || !os.IsTimeout(err) {
		return nil, fmt.Errorf("no timeout, but %v", err)
	}
	failed := object{"kind": fmt.Sprintf("%T", err), "message": err.Error()}
	return object{"error": failed, "elapsed_ms": elapsed}, nil
}

func tcp(_ context.Context, e event) (object, error) {
	connection, err := net.Dial("tcp", net.JoinHostPort(e.Host, fmt.Sprint(e.Port)))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, e.Send); err != nil {
		return nil, err
	}
	received, err := bufio.NewReader(connection).ReadString('\n')
	return object{"received": received}, err
}

// bench gets the URL n times, and says how long one took.
func bench(_ context.Context, e event) (object, error) {
	begun := time.Now()
	for range e.N {
		response, err := http.Get(e.URL)
		if err != nil {
			return nil, err
		}
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	return object{"microseconds": float64(time.Since(begun).Microseconds()) / float64(e.N)}, nil
}
