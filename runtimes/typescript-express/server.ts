import express from 'express';

const app = express();

app.get('/', (request, response) => {
  const name = String(request.query.name ?? '{{name}}');
  response.type('text/plain').send(`Hello, ${name}!\n`);
});

const server = app.listen(process.env.PORT ?? 8080);
process.on('SIGTERM', () => server.close());
