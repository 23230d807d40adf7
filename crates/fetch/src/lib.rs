//! Verified downloads: proxies, the host's certificate bundle, retries, digests.
