// Greets whoever a request names, and counts in the instance's memory.
package main

import (
	"encoding/json"
	"log"
	"net/http"

	"guesthouse.dev/go/lambdahttp"
)

var count int

func hello(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	log.Printf("greeting %s", name)
	count++
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"message": "Hello " + name + "!", "count": count})
}

func main() {
	http.HandleFunc("GET /{$}", hello)
	lambdahttp.Start(http.DefaultServeMux)
}
