#![no_main]

fuzz::target!(result_file);
