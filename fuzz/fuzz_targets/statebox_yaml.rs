#![no_main]

fuzz::target!(statebox_yaml);
