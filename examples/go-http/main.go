// A server of its own, with nothing but the standard library.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/go-http/tide"
)

func main() {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /tide/{harbour}", answer)
	server := &http.Server{
		Addr:              ":" + os.Getenv("PORT"),
		Handler:           routes,
		ReadHeaderTimeout: 10 * time.Second,
	}
	go stop(server)
	log.Print("listening on ", server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	zone, err := time.LoadLocation(tide.Zone(r.PathValue("harbour")))
	if err != nil {
		http.Error(w, "no such harbour", http.StatusNotFound)
		return
	}
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).In(zone)
	w.Header().Set("content-type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"harbour": r.PathValue("harbour"), "hour": noon.Hour()})
}

// stop ends the server when it is asked to, once all requests are answered.
func stop(server *http.Server) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, os.Interrupt)
	<-asked
	server.Shutdown(context.Background())
}
