//! Ctrl-C, SIGTERM and a closed terminal (SIGHUP), for commands that pay: the first asks them to stop in good order, the second ends
//! them at once.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::note;
use super::progress::Progress;
use crate::error::{Error, Result};

/// What asked a command to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    CtrlC,
    Terminate,
    HangUp,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Signal::CtrlC => "Ctrl-C",
            Signal::Terminate => "SIGTERM",
            Signal::HangUp => "SIGHUP",
        }
    }

    /// 128 and the signal's number, as shells have it.
    fn exit_code(self) -> u8 {
        match self {
            Signal::CtrlC => 130,
            Signal::Terminate => 143,
            Signal::HangUp => 129,
        }
    }
}

/// Listens for signals from when it is made until the process ends.
#[derive(Debug, Clone)]
pub struct Interrupt {
    first: Arc<OnceLock<Signal>>,
}

impl Interrupt {
    /// The first signal cancels `stop`; the second ends the process. `line` is moved out of the way of what is said.
    pub fn cancels(stop: CancellationToken, line: &Progress) -> Interrupt {
        let (interrupt, line) = (Interrupt { first: Arc::default() }, line.clone());
        let first = Arc::clone(&interrupt.first);
        match Signals::listen() {
            Ok(mut signals) => {
                // A task of its own: what the command itself does may keep a thread busy.
                tokio::spawn(async move {
                    let signal = signals.next().await;
                    let _ = first.set(signal);
                    stop.cancel();
                    line.suspend(|| note("stopping: what is on its way is finished; another signal, such as Ctrl-C, stops at once"));
                    let signal = signals.next().await;
                    line.finish();
                    note("stopped at once: answers that came are kept, those that were on their way are lost");
                    std::process::exit(i32::from(signal.exit_code()));
                });
            }
            // Then a signal does what it does to any process; what was answered is in the journal all the same.
            Err(cause) => tracing::warn!("Ctrl-C ends the command at once: {cause}"),
        }
        interrupt
    }

    /// # Errors
    /// [`Error::Interrupted`] when a signal came.
    pub fn check(&self) -> Result<()> {
        match self.first.get() {
            Some(signal) => Err(Error::Interrupted { by: signal.name(), exit_code: signal.exit_code() }),
            None => Ok(()),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` for a command that is to outlive its terminal.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = if outlives_terminal() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hang_up })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::CtrlC,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = next(self.hang_up.as_mut()) => Signal::HangUp,
        }
    }
}

/// The next of these signals; never, where they are not listened for.
#[cfg(unix)]
async fn next(signal: Option<&mut tokio::signal::unix::Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether this process was started to ignore SIGHUP, as nohup does: to listen for a signal ends ignoring it. Where the system does not tell,
/// nothing is listened for, and the signal does what it does to any process.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // SIGHUP has number 1, and the lowest bit.
    ignored.is_none_or(|ignored| ignored & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::CtrlC
    }
}
