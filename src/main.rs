//! The command `mmevol`: parse, run, render errors, exit code.

mod allocator;

use std::process::ExitCode;

use clap::Parser;
use mmevol::cli::{Cli, exit_code, print_error, run, sql_or_flag};

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(std::env::args_os().map(sql_or_flag)) {
        Ok(cli) => cli,
        Err(usage) => {
            // Also help and version, which are no errors. A closed pipe is no reason to fail.
            let _ = usage.print();
            // A wrong flag is the user's to fix; clap's own code is 2.
            return ExitCode::from(u8::from(usage.use_stderr()));
        }
    };
    start_log();
    // The main thread's stack is whatever the shell allows; planning runs on one that is large enough.
    let command = std::thread::Builder::new().name("command".into()).stack_size(THREAD_STACK_BYTES).spawn(move || run_command(cli));
    match command {
        // A panic has printed itself.
        Ok(thread) => thread.join().unwrap_or(ExitCode::from(2)),
        Err(cause) => {
            eprintln!("error: failed to start threads: {cause}");
            ExitCode::from(2)
        }
    }
}

/// Warnings of this crate go to standard error; RUST_LOG asks for more, or for less.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "mmevol=warn".into());
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .without_time()
        .with_target(false)
        .init();
}

fn run_command(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(THREAD_STACK_BYTES).build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("error: failed to start threads: {cause}");
            return ExitCode::from(2);
        }
    };
    let code = match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::from(exit_code(&error))
        }
    };
    // The end of the runtime cancels what a failed command left behind, and Lance's readers panic where a task they wait for is gone. The
    // command has said what there is to say.
    std::panic::set_hook(Box::new(|_| ()));
    code
}

/// Planning recurses into every operand of a long expression. The pages of a stack that is not used cost nothing.
const THREAD_STACK_BYTES: usize = 128 << 20;
