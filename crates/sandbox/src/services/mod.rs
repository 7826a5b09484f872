//! The imitated systems, one file each. Each offers `router(world) -> axum::Router` and keeps its own state.
