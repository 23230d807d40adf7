//! The data plane: route, admit, wait, proxy.
