"""A function that is called with events (https://cloudevents.io) instead of requests."""

import functions_framework


@functions_framework.cloud_event
def on_order(event):
    # The attributes say what happened, the data what it happened to. A handler of events answers nothing: the
    # sender only learns whether it worked, and an exception here tells it to try again.
    order = event.data
    print(f"{event['type']} from {event['source']}: {order['quantity']} x {order['item']}")
