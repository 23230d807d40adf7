//! The sandbox interface and the keeper's asynchronous client.
