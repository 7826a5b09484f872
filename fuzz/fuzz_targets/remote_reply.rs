#![no_main]

fuzz::target!(remote_reply);
