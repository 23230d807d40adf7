//! HTTP over the platform: the API and the listeners.
