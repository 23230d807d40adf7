// Package hello greets.
package hello

import (
	"fmt"
	"html"
	"net/http"
)

// Hello answers with a greeting.
func Hello(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		panic("nobody is there")
	}
	fmt.Fprintf(w, "Hello, %s!\n", html.EscapeString(name))
}
