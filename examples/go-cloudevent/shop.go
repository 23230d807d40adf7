// Package shop takes orders.
package shop

import (
	"context"
	"log"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/cloudevents/sdk-go/v2/event"
)

func init() {
	functions.CloudEvent("Order", order)
}

type item struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

func order(_ context.Context, e event.Event) error {
	var ordered item
	if err := e.DataAs(&ordered); err != nil {
		return err
	}
	log.Printf("%s from %s: %d x %s", e.Type(), e.Source(), ordered.Quantity, ordered.Item)
	return nil
}
