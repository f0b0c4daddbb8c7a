//! Samples and finished rounds that come in anew: their old rows make way.

use crate::error::Result;
use crate::store::{Table, Writer, ids_in};

/// What a seed item that its record no longer has says in `reason`. It stays for what was evolved from it, which names it as parent.
const DROPPED: &str = "the seed file no longer has it";

/// Samples of the store that a record of the file replaces.
#[derive(Debug, Default)]
pub struct Replaced {
    sample_ids: Vec<String>,
    /// Items that come again, changed or not.
    instruction_ids: Vec<String>,
    /// Samples whose finished rounds are replaced.
    samples_of_rounds: Vec<String>,
    /// Finished rounds that come again, as they were.
    evolution_ids: Vec<String>,
}

impl Replaced {
    /// Notes a sample, and the ids of the seed items that it has from now on.
    pub fn add(&mut self, sample_id: &str, instruction_ids: &[String]) {
        self.sample_ids.push(sample_id.to_owned());
        self.instruction_ids.extend_from_slice(instruction_ids);
    }

    /// Notes a sample whose finished rounds are from now on those that are noted with [`Replaced::add_round`].
    pub fn add_rounds_of(&mut self, sample_id: &str) {
        self.samples_of_rounds.push(sample_id.to_owned());
    }

    /// Notes a finished round of such a sample, with the ids of its items.
    pub fn add_round<'a>(&mut self, evolution_id: &str, instruction_ids: impl Iterator<Item = &'a str>) {
        self.evolution_ids.push(evolution_id.to_owned());
        self.instruction_ids.extend(instruction_ids.map(str::to_owned));
    }

    /// Removes the rows that come again. Seed items that do not are eliminated, finished rounds superseded: others may name them as parents. Scans
    /// the id columns once for every 10,000 ids.
    pub async fn remove(&self, writer: &mut Writer) -> Result<()> {
        for listed in ids_in("sample_id", &self.sample_ids) {
            writer.delete(Table::Samples, &listed).await?;
        }
        for listed in ids_in("instruction_id", &self.instruction_ids) {
            writer.delete(Table::Instructions, &listed).await?;
        }
        for listed in ids_in("evolution_id", &self.evolution_ids) {
            writer.delete(Table::Evolutions, &listed).await?;
        }
        for listed in ids_in("sample_id", &self.samples_of_rounds) {
            let dropped = format!("generated IS NULL AND status <> 'superseded' AND {listed}");
            writer.update(Table::Evolutions, &dropped, "status", "'superseded'").await?;
        }
        for listed in ids_in("sample_id", &self.sample_ids) {
            let dropped = format!("round = 0 AND status <> 'eliminated' AND {listed}");
            writer.update(Table::Instructions, &dropped, "reason", &format!("'{DROPPED}'")).await?;
            writer.update(Table::Instructions, &dropped, "status", "'eliminated'").await?;
        }
        Ok(())
    }
}
