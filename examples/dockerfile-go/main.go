// Tides answers whether the water comes or goes, as a program that is alone in its image.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

// version is set while building: --build-arg VERSION=1.2
var version = "unknown"

// Half of a lunar day's two tides, from one high water to the next low one.
const ebb = 6*time.Hour + 12*time.Minute

func tide(at time.Time) string {
	if at.Unix()/int64(ebb.Seconds())%2 == 0 {
		return "the water comes"
	}
	return "the water goes"
}

func main() {
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse(time.RFC3339, r.URL.Query().Get("at"))
		if err != nil {
			at = time.Now()
		}
		fmt.Fprintln(w, tide(at))
	})
	http.HandleFunc("GET /version", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, version, "as", os.Getuid())
	})
	log.Println("listening on 8080")
	log.Fatal(http.ListenAndServe(":8080", nil))
}
