//! The program: the command line in front of the library.

mod cli;

use std::process::ExitCode;

/// Look-ups make many small values, and imports grow memory for millions of people.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
