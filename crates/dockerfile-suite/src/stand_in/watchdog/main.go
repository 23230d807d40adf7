// Stands in for a watchdog: starts the program that `fprocess` names and leads requests to where it listens.
package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	words := strings.Fields(os.Getenv("fprocess"))
	if len(words) == 0 {
		os.Exit(2)
	}
	upstream := os.Getenv("upstream_url")
	if upstream == "" {
		upstream = "http://127.0.0.1:3000"
	}
	program := exec.Command(words[0], words[1:]...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	if err := program.Start(); err != nil {
		panic(err)
	}
	go func() {
		_ = program.Wait()
		os.Exit(program.ProcessState.ExitCode())
	}()
	target, err := url.Parse(upstream)
	if err != nil {
		panic(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = patient{}
	port := os.Getenv("port")
	if port == "" {
		port = "8080"
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.Handle("/", proxy)
	panic(http.ListenAndServe(":"+port, mux))
}

// Tries again while the program does not listen yet.
type patient struct{}

func (patient) RoundTrip(request *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err == nil || try == 100 || !strings.Contains(err.Error(), "connection refused") {
			return answer, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
