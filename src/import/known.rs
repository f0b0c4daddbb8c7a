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
    samples: HashMap<u128, u128>,
    images: HashSet<u128>,
    /// Evolutions by sample and round.
    evolutions: HashMap<(u128, i32), u128>,
}

/// Whether something is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    New,
    Same,
    /// It is there under this id with other content.
    Different,
}

impl Known {
    /// Reads the id columns of a snapshot.
    pub async fn load(snapshot: &Snapshot) -> Result<Known> {
        let mut known = Known { samples: HashMap::new(), images: HashSet::new(), evolutions: HashMap::new() };
        snapshot
            .for_each(Table::Samples, &["sample_id", "content_hash"], |batch| {
                let (ids, hashes) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
                known.samples.extend(ids.iter().zip(hashes).filter_map(|(id, hash)| Some((key(id?), key(hash?)))));
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

    /// Notes a sample and says whether it was known.
    pub fn sample(&mut self, sample_id: &str, content_hash: &str) -> Standing {
        match self.samples.entry(key(sample_id)) {
            Entry::Vacant(vacant) => {
                vacant.insert(key(content_hash));
                Standing::New
            }
            Entry::Occupied(known) if *known.get() == key(content_hash) => Standing::Same,
            Entry::Occupied(_) => Standing::Different,
        }
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
