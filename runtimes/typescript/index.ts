import * as functions from '@google-cloud/functions-framework';

// Express's request and response: https://expressjs.com/en/api.html
functions.http('handle', (request, response) => {
  const name = String(request.query.name ?? '{{name}}');
  response.type('text/plain').send(`Hello, ${name}!\n`);
});
