// An HTTP server on the port that PORT names.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	http.HandleFunc("GET /", hello)
	server := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "8080")}
	go stopWhenAsked(server)
	log.Print("listening on ", server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	name := cmp.Or(r.URL.Query().Get("name"), "world")
	fmt.Fprintf(w, "Hello, %s!\n", name)
}

// stopWhenAsked lets requests in flight end, and takes no more.
func stopWhenAsked(server *http.Server) {
	asked, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	<-asked.Done()
	server.Shutdown(context.Background())
}
