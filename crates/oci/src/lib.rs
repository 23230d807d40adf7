//! OCI images: the deterministic layer writer, unpacking, image assembly and export.
