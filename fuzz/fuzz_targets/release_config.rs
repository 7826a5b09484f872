#![no_main]

fuzz::target!(release_config);
