from fastapi import FastAPI

app = FastAPI(title="{{name}}")


@app.get("/")
async def index(name: str = "{{name}}") -> dict[str, str]:
    return {"message": f"Hello, {name}!"}
