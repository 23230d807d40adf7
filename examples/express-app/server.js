// An Express application with a dependency or two. `npm start` says what to run: see package.json.
const express = require('express');
const { nanoid } = require('nanoid');

const app = express();
app.use(express.json());

// One instance's memory: other instances have their own.
const notes = new Map();

app.get('/', (request, response) => {
  response.json({ notes: notes.size });
});

app.post('/notes', (request, response) => {
  if (typeof request.body?.text !== 'string') {
    response.status(400).json({ error: 'a note has a text' });
    return;
  }
  const id = nanoid(8);
  notes.set(id, request.body.text);
  response.status(201).location(`/notes/${id}`).json({ id, text: request.body.text });
});

app.get('/notes/:id', (request, response) => {
  const text = notes.get(request.params.id);
  if (text === undefined) {
    response.sendStatus(404);
  } else {
    response.type('text/plain').send(text);
  }
});

// The port comes from the environment; everywhere, not only on 127.0.0.1.
const server = app.listen(process.env.PORT ?? 8080, () => {
  console.log(`listening on ${server.address().port}`);
});

// Finish what is being answered before the end.
process.on('SIGTERM', () => server.close());
