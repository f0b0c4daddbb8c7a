//! Dot commands: what they are called and how they are read.

use std::path::PathBuf;

use clap::ValueEnum;
use rustyline::completion::unescape;

use super::BackendError;
use crate::cli::output::OutputFormat;
use crate::error::suggest;

/// A dot command with its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Tables,
    /// Of one table, or of all.
    Schema(Option<String>),
    Mode(OutputFormat),
    Timer(bool),
    Read(PathBuf),
    /// To a file, or back to standard output.
    Output(Option<PathBuf>),
    Help,
    Exit,
}

/// What a command takes: decides how its argument is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    None,
    Table,
    Mode,
    Switch,
    File,
}

/// A line of `.help`.
pub(super) struct Description {
    pub(super) name: &'static str,
    usage: &'static str,
    about: &'static str,
    pub(super) argument: Argument,
}

const fn command(name: &'static str, usage: &'static str, argument: Argument, about: &'static str) -> Description {
    Description { name, usage, about, argument }
}

/// All commands, in the order of `.help`.
pub(super) const COMMANDS: [Description; 9] = [
    command(".tables", "", Argument::None, "list the tables and views"),
    command(".schema", "[TABLE]", Argument::Table, "show the columns of a table, or of all"),
    command(".mode", "FORMAT", Argument::Mode, "show results as table, line, csv, json, jsonl or markdown"),
    command(".timer", "on|off", Argument::Switch, "show how long each statement takes"),
    command(".read", "FILE", Argument::File, "run the statements of a file"),
    command(".output", "FILE|stdout", Argument::File, "write results to a file, or show them again"),
    command(".help", "", Argument::None, "show this"),
    command(".exit", "", Argument::None, "leave (also .quit, exit, Ctrl-D)"),
    command(".quit", "", Argument::None, "leave"),
];

/// The text of `.help`.
pub(super) fn help() -> String {
    let mut text =
        String::from("End SQL with ; (it may take several lines). Tab completes, Ctrl-C cancels,\nCtrl-R searches the history.\n");
    for Description { name, usage, about, .. } in COMMANDS.iter().filter(|command| command.name != ".quit") {
        text.push_str(&format!("{:22}{about}\n", format!("{name} {usage}")));
    }
    text
}

impl Command {
    /// Reads one line, such as `.mode csv`; a `;` at its end is forgiven.
    ///
    /// # Errors
    /// The command is unknown or its argument missing, unknown or superfluous; hints name what was probably meant.
    pub(super) fn parse(line: &str) -> Result<Self, BackendError> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, argument) = line.split_once(char::is_whitespace).map_or((line, ""), |(name, rest)| (name, rest.trim()));
        let name = name.to_ascii_lowercase();
        let description = COMMANDS.iter().find(|command| command.name.trim_start_matches('.') == name.trim_start_matches('.'));
        let description = description.ok_or_else(|| unknown_command(&name))?;
        let usage = || BackendError::new(format!("usage: {} {}", description.name, description.usage));
        match (description.name, argument) {
            (".tables", "") => Ok(Self::Tables),
            (".schema", "") => Ok(Self::Schema(None)),
            (".schema", table) => Ok(Self::Schema(Some(unquoted(table)))),
            (".mode", mode) => mode.parse().map(Self::Mode).map_err(|_| unknown_mode(mode)),
            (".timer", "on") => Ok(Self::Timer(true)),
            (".timer", "off") => Ok(Self::Timer(false)),
            (".read", file) if !file.is_empty() => Ok(Self::Read(unquoted(file).into())),
            (".output", "stdout" | "") => Ok(Self::Output(None)),
            (".output", file) => Ok(Self::Output(Some(unquoted(file).into()))),
            (".help", "") => Ok(Self::Help),
            (".exit" | ".quit", "") => Ok(Self::Exit),
            _ => Err(usage()),
        }
    }
}

/// The name inside quotes; outside of them a backslash keeps a space, as completion writes it.
fn unquoted(argument: &str) -> String {
    let inside = ['\'', '"'].iter().find_map(|&quote| argument.strip_prefix(quote)?.strip_suffix(quote));
    inside.map_or_else(|| unescape(argument, Some('\\')).into_owned(), str::to_owned)
}

fn unknown_command(name: &str) -> BackendError {
    let names = COMMANDS.iter().map(|command| command.name);
    let error = BackendError::new(format!("there is no command {name}"));
    error.with_hint(suggest(name, names).pop().unwrap_or_else(|| ".help lists the commands".to_owned()))
}

fn unknown_mode(mode: &str) -> BackendError {
    let modes: Vec<String> = OutputFormat::value_variants().iter().map(OutputFormat::to_string).collect();
    let message = if mode.is_empty() { ".mode needs a format".to_owned() } else { format!("there is no format {mode:?}") };
    let error = BackendError::new(message).with_hint(format!("formats: {}", modes.join(", ")));
    match suggest(mode, modes.iter().map(String::as_str)).pop() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_their_arguments() {
        assert_eq!(Command::parse(".tables;").ok(), Some(Command::Tables));
        assert_eq!(Command::parse("QUIT").ok(), Some(Command::Exit));
        assert_eq!(Command::parse(".schema \"My Table\"").ok(), Some(Command::Schema(Some("My Table".to_owned()))));
        assert_eq!(Command::parse(".mode JSONL").ok(), Some(Command::Mode(OutputFormat::Jsonl)));
        assert_eq!(Command::parse(".timer on").ok(), Some(Command::Timer(true)));
        assert_eq!(Command::parse(r".read my\ file.sql").ok(), Some(Command::Read("my file.sql".into())));
        assert_eq!(Command::parse(".output 'a b.csv'").ok(), Some(Command::Output(Some("a b.csv".into()))));
        assert_eq!(Command::parse(".output stdout").ok(), Some(Command::Output(None)));
        assert_eq!(Command::parse(".output").ok(), Some(Command::Output(None)));
    }

    #[test]
    fn wrong_commands_say_what_is_right() {
        let error = |line| Command::parse(line).map_err(|error| (error.message, error.hints));
        let hint = |text: &str| vec![text.to_owned()];
        assert_eq!(error(".tabels"), Err(("there is no command .tabels".to_owned(), hint("did you mean '.tables'?"))));
        assert_eq!(error(".sche"), Err(("there is no command .sche".to_owned(), hint("did you mean '.schema'?"))));
        assert_eq!(error(".wibble"), Err(("there is no command .wibble".to_owned(), hint(".help lists the commands"))));
        assert_eq!(error(".timer maybe"), Err(("usage: .timer on|off".to_owned(), vec![])));
        assert_eq!(error(".read"), Err(("usage: .read FILE".to_owned(), vec![])));
        let formats = "formats: table, line, csv, json, jsonl, markdown".to_owned();
        assert_eq!(error(".mode cvs"), Err(("there is no format \"cvs\"".to_owned(), vec![formats.clone()])));
        let hints = vec![formats, "did you mean 'table'?".to_owned()];
        assert_eq!(error(".mode tabel"), Err(("there is no format \"tabel\"".to_owned(), hints)));
    }

    #[test]
    fn help_has_a_line_for_every_command() {
        let help = help();
        assert!(COMMANDS.iter().all(|command| help.contains(command.name)), "{help}");
        assert!(help.lines().all(|line| line.len() <= 80), "{help}");
    }
}
