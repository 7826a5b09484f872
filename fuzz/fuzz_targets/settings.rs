#![no_main]

fuzz::target!(settings);
