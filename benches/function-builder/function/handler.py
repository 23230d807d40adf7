import humanize


def handle(request):
    return humanize.naturalsize(len(request.get_data()))
