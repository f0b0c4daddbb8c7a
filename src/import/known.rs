//! What the store holds already, so that importing again adds only what is new.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;

use crate::error::Result;
use crate::store::{Snapshot, Table};

/// Ids of a snapshot plus those that the running import has added. Ids are kept as their first 128 bits.
#[derive(Debug)]
pub struct Known {
    samples: HashMap<u128, KnownSample>,
    images: HashSet<u128>,
    /// Evolutions by sample and round.
    evolutions: HashMap<(u128, i32), u128>,
}

#[derive(Debug)]
struct KnownSample {
    content: u128,
    /// Whether a record of the running import was this sample.
    in_file: bool,
}

/// Whether something is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    New,
    Same,
    /// It is in the store under this id with other content, and no record of this import was it so far.
    Changed,
    /// It is there under this id with other content, which stands.
    Different,
}

impl Known {
    /// Reads the id columns of a snapshot.
    pub async fn load(snapshot: &Snapshot) -> Result<Known> {
        let mut known = Known { samples: HashMap::new(), images: HashSet::new(), evolutions: HashMap::new() };
        snapshot
            .for_each(Table::Samples, &["sample_id", "content_hash"], |batch| {
                let (ids, hashes) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
                known.samples.extend(
                    ids.iter().zip(hashes).filter_map(|(id, hash)| Some((key(id?), KnownSample { content: key(hash?), in_file: false }))),
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
                let rows = samples.iter().zip(rounds).zip(ids);
                known.evolutions.extend(rows.filter_map(|((sample, round), id)| Some(((key(sample?), round?), key(id?)))));
            })
            .await?;
        Ok(known)
    }

    /// Says whether a sample was known, and notes it unless it was there with other content.
    pub fn sample(&mut self, sample_id: &str, content_hash: &str) -> Standing {
        let content = key(content_hash);
        match self.samples.entry(key(sample_id)) {
            Entry::Vacant(vacant) => {
                vacant.insert(KnownSample { content, in_file: true });
                Standing::New
            }
            Entry::Occupied(mut known) if known.get().content == content => {
                known.get_mut().in_file = true;
                Standing::Same
            }
            Entry::Occupied(known) if known.get().in_file => Standing::Different,
            Entry::Occupied(_) => Standing::Changed,
        }
    }

    /// Notes that a sample has other content from now on.
    pub fn replace_sample(&mut self, sample_id: &str, content_hash: &str) {
        self.samples.insert(key(sample_id), KnownSample { content: key(content_hash), in_file: true });
    }

    /// Notes an image; true the first time.
    pub fn add_image(&mut self, image_id: &str) -> bool {
        self.images.insert(key(image_id))
    }

    /// Notes a finished round of a sample and says whether it was known.
    pub fn evolution(&mut self, sample_id: &str, round: i32, evolution_id: &str) -> Standing {
        match self.evolutions.insert((key(sample_id), round), key(evolution_id)) {
            None => Standing::New,
            Some(known) if known == key(evolution_id) => Standing::Same,
            Some(_) => Standing::Different,
        }
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
