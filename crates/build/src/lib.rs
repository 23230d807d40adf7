//! Executes a plan into an image.
