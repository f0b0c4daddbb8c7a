//! `mmevol prompts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::OutputOptions;
use super::report_format::FiguresFormat;
use super::table::{Column, TextTable};
use super::{beginning_of_id, print_json_rows, print_line};
use crate::error::Result;
use crate::prompt::PromptLibrary;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Prompts of your own in place of the embedded ones, by file name.
    #[arg(long, global = true, value_name = "DIR")]
    prompts: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every prompt with its id and purpose.
    ///
    /// Below them stand the parts that they are made from, and the schemas of their answers.
    List {
        /// How to print them; json has the prompts alone, with their whole ids.
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        output: FiguresFormat,
    },
    /// Print one prompt as it is recorded: its template with every part in place.
    Show {
        /// The prompt's name, or the path of a part or schema.
        name: String,
    },
}

pub fn run(arguments: Arguments) -> Result<()> {
    let library = PromptLibrary::of(arguments.prompts.as_deref())?;
    match arguments.command {
        Command::List { output: FiguresFormat::Json } => {
            let prompts = library.iter();
            let rows = prompts.map(|prompt| json!({ "name": prompt.name, "prompt_id": prompt.prompt_id, "purpose": prompt.purpose }));
            print_json_rows(&rows.collect::<Vec<_>>())
        }
        Command::List { output: FiguresFormat::Table } => {
            let columns = ["name", "prompt_id", "purpose"];
            let mut table = TextTable::new(columns.map(|name| Column { name: name.into(), is_number: false }).to_vec());
            for prompt in library.iter() {
                // Whole, the id would cut the names.
                table.push(vec![prompt.name.clone(), beginning_of_id(&prompt.prompt_id).to_owned(), prompt.purpose.clone()]);
            }
            let mut files = TextTable::new(vec![Column { name: "parts and schemas".into(), is_number: false }]);
            library.shared_paths().for_each(|path| files.push(vec![path.to_owned()]));
            let width = OutputOptions::for_stdout().width;
            print_line(&format!("{}\n\n{}", table.draw(width).text.trim_end(), files.draw(width).text.trim_end()))
        }
        Command::Show { name } if name.contains('/') => print_line(library.shared_file(&name)?.trim_end()),
        Command::Show { name } => print_line(library.get(&name)?.template.trim_end()),
    }
}
