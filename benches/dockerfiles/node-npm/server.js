const express = require("express");

express()
  .get("/", (_, answer) => answer.send("hello"))
  .listen(8080);
