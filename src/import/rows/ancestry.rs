//! What the items of our own export were made from, under the ids that they get here.

use std::collections::HashMap;

use crate::formats::SeedOrigin;

/// The items of one sample that were added so far, by the ids they had in the store they were exported from.
#[derive(Debug, Default)]
pub struct Ancestry {
    by_former_id: HashMap<String, Descent>,
}

/// Where an item stands, in ids of this store.
#[derive(Debug, Clone)]
pub struct Descent {
    pub instruction_id: String,
    /// `None` for a seed, and where the parent is not known or not in the file.
    pub parent_id: Option<String>,
    /// `None` where the parent's is not known.
    pub root_id: Option<String>,
}

impl Ancestry {
    /// Where an item of an evolved round stands. Its parent is one of those added so far, so of an earlier round.
    pub fn descent(&self, origin: &SeedOrigin, instruction_id: String) -> Descent {
        let parent = origin.parent_id.as_ref().and_then(|id| self.by_former_id.get(id));
        let (parent_id, root_id) = parent.map(|parent| (parent.instruction_id.clone(), parent.root_id.clone())).unzip();
        Descent { instruction_id, parent_id, root_id: root_id.flatten() }
    }

    /// Adds an item, if its file says which one it was. Of others nothing is worked out.
    pub fn add(&mut self, origin: &SeedOrigin, descent: impl FnOnce() -> Descent) {
        if let Some(id) = &origin.instruction_id {
            self.by_former_id.insert(id.clone(), descent());
        }
    }
}
