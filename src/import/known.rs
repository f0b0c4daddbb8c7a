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
    /// Samples with the rounds that were tried.
    rounds: HashSet<(u128, i32)>,
    /// A round that was evolved again has several.
    evolutions: HashSet<u128>,
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
            .for_each(Table::Evolutions, &["sample_id", "round", "evolution_id"], |batch| {
                let (samples, ids) = (batch.column(0).as_string::<i32>(), batch.column(2).as_string::<i32>());
                let rounds = batch.column(1).as_primitive::<Int32Type>();
                known.rounds.extend(samples.iter().zip(rounds).filter_map(|(sample, round)| Some((key(sample?), round?))));
                known.evolutions.extend(ids.iter().flatten().map(key));
            })
            .await?;
        Ok(known)
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

    /// Notes an image; true the first time.
    pub fn add_image(&mut self, image_id: &str) -> bool {
        self.images.insert(key(image_id))
    }

    /// Whether a finished round of a sample is there: never [`Standing::Repeated`].
    pub fn evolution(&self, sample_id: &str, round: i32, evolution_id: &str) -> Standing {
        if self.evolutions.contains(&key(evolution_id)) {
            Standing::Same
        } else if self.rounds.contains(&(key(sample_id), round)) {
            Standing::Changed
        } else {
            Standing::New
        }
    }

    /// Notes a finished round of a sample.
    pub fn add_evolution(&mut self, sample_id: &str, round: i32, evolution_id: &str) {
        self.rounds.insert((key(sample_id), round));
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
