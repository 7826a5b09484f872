#![no_main]

fuzz::target!(junit);
