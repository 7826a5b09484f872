//! Which file is meant: from the arguments, or asked on a terminal.
