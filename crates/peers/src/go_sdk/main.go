// A client of the Function Builder API: it does what an order on its standard input says by the means of the published
// SDK, and prints each result as a line of JSON. What the SDK calls an error goes to its standard error, and it exits
// with 1.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/openfaas/go-sdk/builder"
)

// order is a function, and how it is to be built.
type order struct {
	URL           string
	PayloadSecret string
	// Folder has `template/LANGUAGE` and `handler`; the context is written into it.
	Folder   string
	Language string
	Config   builder.BuildConfig
	// Secrets are sealed for the key that the server shows.
	Secrets map[string]string
	Stream  bool
}

func main() {
	var work order
	err := json.NewDecoder(os.Stdin).Decode(&work)
	if err == nil {
		err = work.fill()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (work *order) fill() error {
	client, err := work.client()
	if err != nil {
		return err
	}
	body, err := work.pack()
	if err != nil {
		return err
	}
	if work.Stream {
		return work.stream(client, body)
	}
	result, err := work.build(client, body)
	if err != nil {
		return err
	}
	return show(result)
}

func (work *order) client() (*builder.FunctionBuilder, error) {
	address, err := url.Parse(work.URL)
	if err != nil {
		return nil, err
	}
	options := []builder.BuilderOption{builder.WithHmacAuth(work.PayloadSecret)}
	if work.Secrets != nil {
		key, err := publicKey(address)
		if err != nil {
			return nil, err
		}
		options = append(options, builder.WithBuildSecretsKey(key))
	}
	return builder.NewFunctionBuilder(address, http.DefaultClient, options...), nil
}

// publicKey asks the server for the key that secrets are sealed for.
func publicKey(address *url.URL) ([]byte, error) {
	answer, err := http.Get(address.JoinPath("/publickey").String())
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var key struct {
		PublicKey string `json:"public_key"`
	}
	err = json.NewDecoder(answer.Body).Decode(&key)
	return []byte(key.PublicKey), err
}

// pack merges the handler with its template, and answers the body of the request as a file.
func (work *order) pack() (string, error) {
	if err := os.Chdir(work.Folder); err != nil {
		return "", err
	}
	context, err := builder.CreateBuildContext("function", "handler", work.Language, nil)
	if err != nil {
		return "", err
	}
	return "request.tar", builder.MakeTar("request.tar", context, &work.Config)
}

func (work *order) build(client *builder.FunctionBuilder, body string) (builder.BuildResult, error) {
	if work.Secrets != nil {
		return client.BuildWithSecrets(body, work.Secrets)
	}
	return client.Build(body)
}

func (work *order) stream(client *builder.FunctionBuilder, body string) error {
	open := func() (*builder.BuildResultStream, error) {
		if work.Secrets != nil {
			return client.BuildWithSecretsStream(body, work.Secrets)
		}
		return client.BuildWithStream(body)
	}
	stream, err := open()
	if err != nil {
		return err
	}
	for result, err := range stream.Results() {
		if err != nil {
			return err
		}
		if err := show(result); err != nil {
			return err
		}
	}
	return nil
}

func show(result builder.BuildResult) error {
	return json.NewEncoder(os.Stdout).Encode(result)
}
