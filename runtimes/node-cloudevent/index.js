const functions = require('@google-cloud/functions-framework');

// An exception, or a rejected promise, tells the sender that it did not work.
functions.cloudEvent('handle', (event) => {
  console.log(`${event.type} from ${event.source}:`, event.data);
});
