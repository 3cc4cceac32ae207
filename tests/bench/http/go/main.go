// The app of the benchmark of HTTP, with net/http.
package main

import (
	"encoding/json"
	"net/http"

	"guesthouse.dev/go/lambdahttp"
)

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"message": "Hello " + r.URL.Query().Get("name") + "!"})
}

func main() {
	http.HandleFunc("GET /{$}", hello)
	lambdahttp.Start(nil)
}
