//! The `quantscope` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    quantscope::cli::main()
}
