//! A checkout of the configuration repository: its files, and the generator that belongs to them.
