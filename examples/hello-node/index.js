// The smallest function for Node: it greets whoever the query names.
//
// Coracle adds the Functions Framework by itself. To run this on your own machine as well, add it to a
// package.json: npm install @google-cloud/functions-framework
const functions = require('@google-cloud/functions-framework');

functions.http('hello', (request, response) => {
  // Express's request and response: https://expressjs.com/en/api.html
  const name = request.query.name ?? 'world';
  response.type('text/plain').send(`Hello, ${name}!\n`);
});
