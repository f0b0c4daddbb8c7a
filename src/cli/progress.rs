//! Progress on standard error: a bar or a spinner while a terminal watches, nothing otherwise.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BAR: &str = "{msg} {wide_bar:.cyan/dim} {human_pos}/{human_len} {eta:.dim}";
const SPINNER: &str = "{spinner:.cyan} {msg} {human_pos:.dim}";
const LINE: &str = "{spinner:.cyan} {wide_msg}";
const SPINNER_INTERVAL: Duration = Duration::from_millis(100);
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// One task's progress. Clones show the same bar, so concurrent work can report to it.
///
/// Draws on standard error only, and only when that is a terminal: in a pipe or a log the commands' own last line has to say
/// what was done. Goes away when the last clone is dropped, also on an error, so it never stays between two messages.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar towards `total` steps, after `label`.
    pub fn bar(total: u64, label: impl Into<String>) -> Self {
        Self::on_stderr(Some(total), BAR, label.into())
    }

    /// A spinner with a count, for work whose end is not known.
    pub fn spinner(label: impl Into<String>) -> Self {
        Self::spinning(SPINNER, label.into())
    }

    /// A line that says itself how far the work is, cut at the edge of the terminal.
    pub fn line(label: impl Into<String>) -> Self {
        Self::spinning(LINE, label.into())
    }

    fn spinning(template: &str, label: String) -> Self {
        let progress = Self::on_stderr(None, template, label);
        if !progress.bar.is_hidden() {
            progress.bar.enable_steady_tick(SPINNER_INTERVAL);
        }
        progress
    }

    /// Shows nothing anywhere, for library use and `--quiet`.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    fn on_stderr(total: Option<u64>, template: &str, label: String) -> Self {
        // Falls back to the library's own look: a template cannot fail at run time in a way the user could mend.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()).with_style(style).with_message(label);
        Self { bar }
    }

    /// Sets how many steps are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Adds steps to those done.
    pub fn inc(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// How many steps are done, also when hidden.
    pub fn position(&self) -> u64 {
        self.bar.position()
    }

    /// Replaces the label.
    pub fn message(&self, label: impl Into<String>) {
        self.bar.set_message(label.into());
    }

    /// Waits for `work`, and meanwhile has `show` say on the bar how far it is; then removes the bar.
    pub async fn watch<T>(&self, work: impl Future<Output = T>, mut show: impl FnMut(&Progress)) -> T {
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(SHOWN_EVERY);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                _ = tick.tick() => show(self),
            }
        };
        self.finish();
        done
    }

    /// Runs `print` with the bar out of the way, so that what it prints to standard error stays readable.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Removes the bar from the terminal.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_even_when_nothing_is_shown() {
        let progress = Progress::hidden();
        let worker = progress.clone();
        progress.set(3);
        worker.inc(4);
        assert_eq!(progress.position(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_watched_is_shown_until_it_is_done() {
        let mut shown = 0;
        let work = async {
            tokio::time::sleep(4 * SHOWN_EVERY + SHOWN_EVERY / 2).await;
            "done"
        };
        assert_eq!(Progress::hidden().watch(work, |_| shown += 1).await, "done");
        assert_eq!(shown, 5, "at once, and then again and again");
    }

    #[test]
    fn templates_are_valid() {
        for template in [BAR, SPINNER, LINE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
