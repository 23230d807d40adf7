"""A FastAPI application: Coracle finds the object `app` and serves it."""

from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, Field

app = FastAPI(title="Harbour")

# Files beside the code are in the image too.
templates = Jinja2Templates(Path(__file__).parent / "templates")


class Booking(BaseModel):
    """What a booking has to say; FastAPI refuses everything else with a 422 that names the field."""

    boat: str
    seats: int = Field(ge=1, le=6)


@app.get("/", response_class=HTMLResponse)
async def index(request: Request, guest: str = "guest"):
    return templates.TemplateResponse(request, "index.html", {"guest": guest})


@app.post("/bookings", status_code=201)
async def book(booking: Booking) -> dict[str, int | str]:
    return {"boat": booking.boat, "price": 12 * booking.seats}


@app.post("/contact")
async def contact(message: Annotated[str, Form()]) -> dict[str, int]:
    return {"length": len(message)}


@app.get("/tides")
async def tides():
    # A body that is made while it is sent.
    async def lines():
        for hour in (3, 9, 15, 21):
            yield f"{hour:02}:00\n"

    return StreamingResponse(lines(), media_type="text/plain")
