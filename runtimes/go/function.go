// Package function answers requests.
package function

import (
	"cmp"
	"fmt"
	"net/http"
)

// Hello answers a request.
func Hello(w http.ResponseWriter, r *http.Request) {
	name := cmp.Or(r.URL.Query().Get("name"), "world")
	fmt.Fprintf(w, "Hello, %s!\n", name)
}
