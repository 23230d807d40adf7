import functions_framework


@functions_framework.cloud_event
def handle(event):
    """Takes one event: attributes by name (`event["type"]`), contents in `event.data`.

    An exception tells the sender that it did not work.
    """
    print(f"{event['type']} from {event['source']}: {event.data}")
