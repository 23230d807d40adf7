// A page from a template beside the program; the module that it depends on is in vendor.
package main

import (
	"html/template"
	"log"
	"net/http"
	"os"

	"example.com/boats"
)

var page = template.Must(template.ParseFiles("templates/page.html"))

func main() {
	http.HandleFunc("GET /boats/{name}", boat)
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}

func boat(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	w.Header().Set("content-type", "text/html; charset=utf-8")
	page.Execute(w, map[string]any{"Name": name, "Seats": boats.Seats(name)})
}
