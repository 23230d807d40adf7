//! The content store on disk: blobs, unpacked trees, records, caches, leases.
