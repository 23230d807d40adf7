// A program of one module that uses another of the same workspace.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"example.com/greeting"
)

func main() {
	http.HandleFunc("GET /{name}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, greeting.Of(r.PathValue("name")))
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
