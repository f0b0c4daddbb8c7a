//! What the store holds already, so that importing again adds only what is new.

use std::collections::{HashMap, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;

use crate::error::Result;
use crate::store::{Snapshot, Table};

/// Ids of a snapshot plus those that the running import has added. Ids are kept as their first 128 bits.
#[derive(Debug, Default)]
pub struct Known {
    samples: HashMap<u128, KnownSample>,
    images: HashSet<u128>,
    /// Rounds of samples that were tried.
    rounds: HashMap<(u128, i32), KnownRound>,
    /// A round that was evolved again has several.
    evolutions: HashSet<u128>,
}

/// What stands in a round of a sample.
#[derive(Debug, Clone, Copy, Default)]
enum KnownRound {
    /// Nothing: all of it was replaced.
    #[default]
    Nothing,
    /// What was evolved here, or failed.
    Evolved,
    /// This evolution, which came in finished.
    Imported(u128),
}

#[derive(Debug)]
struct KnownSample {
    content: u128,
    /// The number of the record of the running import that was this sample; `None` if none was so far.
    record: Option<u64>,
}

/// Whether something is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    New,
    Same,
    /// It is there under this id with other content; if it is a sample, no record of this import was it so far.
    Changed,
    /// An earlier record of this import, the one of this number, has this id and other content, which stands.
    Repeated(u64),
}

/// Whether a finished round of a record is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundStanding {
    New,
    Same,
    /// It came in like this, and was evolved again here.
    EvolvedAgain,
    /// It was replaced, with nothing in its place: a later record had no such round.
    Dropped,
    /// It came in before, with other items.
    Changed,
    /// It was evolved here, and never came in with these items.
    Evolved,
}

impl Known {
    /// Reads the id columns of a snapshot.
    pub async fn load(snapshot: &Snapshot) -> Result<Known> {
        let mut known = Known::default();
        snapshot
            .for_each(Table::Samples, &["sample_id", "content_hash"], |batch| {
                let (ids, hashes) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
                known.samples.extend(
                    ids.iter().zip(hashes).filter_map(|(id, hash)| Some((key(id?), KnownSample { content: key(hash?), record: None }))),
                );
            })
            .await?;
        snapshot
            .for_each(Table::Images, &["image_id"], |batch| {
                known.images.extend(batch.column(0).as_string::<i32>().iter().flatten().map(key));
            })
            .await?;
        snapshot
            .for_each(Table::Evolutions, &["sample_id", "round", "evolution_id", "status", "generated"], |batch| {
                let texts = |column: usize| batch.column(column).as_string::<i32>().iter();
                let numbers = |column: usize| batch.column(column).as_primitive::<Int32Type>().iter();
                for (((sample, round), id), (status, generated)) in texts(0).zip(numbers(1)).zip(texts(2)).zip(texts(3).zip(numbers(4))) {
                    if let (Some(sample), Some(round), Some(id)) = (sample, round, id) {
                        let is_replaced = status == Some("superseded");
                        known.load_evolution((key(sample), round), key(id), is_replaced, generated.is_none());
                    }
                }
            })
            .await?;
        Ok(known)
    }

    fn load_evolution(&mut self, round: (u128, i32), id: u128, is_replaced: bool, is_imported: bool) {
        self.evolutions.insert(id);
        let standing = self.rounds.entry(round).or_default();
        match *standing {
            _ if is_replaced => {}
            _ if is_imported => *standing = KnownRound::Imported(id),
            // A failure replaces nothing.
            KnownRound::Nothing => *standing = KnownRound::Evolved,
            KnownRound::Evolved | KnownRound::Imported(_) => {}
        }
    }

    /// Whether a sample is there.
    pub fn sample(&self, sample_id: &str, content_hash: &str) -> Standing {
        match self.samples.get(&key(sample_id)) {
            None => Standing::New,
            Some(known) if known.content == key(content_hash) => Standing::Same,
            Some(known) => known.record.map_or(Standing::Changed, Standing::Repeated),
        }
    }

    /// Notes that the record of this number is this sample, with this content from now on.
    pub fn add_sample(&mut self, sample_id: &str, content_hash: &str, record: u64) {
        self.samples.insert(key(sample_id), KnownSample { content: key(content_hash), record: Some(record) });
    }

    /// The number of the record of this import that was the sample; `None` if none was so far.
    pub fn earlier_record(&self, sample_id: &str) -> Option<u64> {
        self.samples.get(&key(sample_id))?.record
    }

    /// Notes an image; true the first time.
    pub fn add_image(&mut self, image_id: &str) -> bool {
        self.images.insert(key(image_id))
    }

    /// Whether a finished round of a sample is there.
    pub fn round(&self, sample_id: &str, round: i32, evolution_id: &str) -> RoundStanding {
        let id = key(evolution_id);
        match self.rounds.get(&(key(sample_id), round)) {
            None => RoundStanding::New,
            Some(KnownRound::Imported(standing)) if *standing == id => RoundStanding::Same,
            Some(KnownRound::Imported(_)) => RoundStanding::Changed,
            Some(KnownRound::Evolved) if self.evolutions.contains(&id) => RoundStanding::EvolvedAgain,
            Some(KnownRound::Evolved) => RoundStanding::Evolved,
            Some(KnownRound::Nothing) if self.evolutions.contains(&id) => RoundStanding::Dropped,
            Some(KnownRound::Nothing) => RoundStanding::New,
        }
    }

    /// Notes a finished round of a sample.
    pub fn add_evolution(&mut self, sample_id: &str, round: i32, evolution_id: &str) {
        self.rounds.insert((key(sample_id), round), KnownRound::Imported(key(evolution_id)));
        self.evolutions.insert(key(evolution_id));
    }
}

fn key(id: &str) -> u128 {
    // Ids are made of hex digits; anything else that a user inserted is hashed so that it still has a key.
    id.get(..32).and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_else(|| {
        let mut first = [0; 16];
        first.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..16]);
        u128::from_be_bytes(first)
    })
}
