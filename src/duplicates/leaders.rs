//! Groups around a leader: every member is like the one that stays.

use super::bands::Buckets;

/// Which item another one is a duplicate of, by their places in the order of rank. A leader is its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joined {
    /// The place of the leader.
    pub leader: u32,
    /// How alike the two are; 1 for a leader.
    pub similarity: f64,
}

/// Goes through the items from the best rank to the last: an item joins the first leader that is like it, or becomes a leader itself.
///
/// So each member is as like its leader as `similar` asks, and no two leaders that were compared are. Linking all pairs that are alike would put
/// into one group what a chain of small differences connects, and would leave out items that are like nothing that stays.
/// `items` gives the item at each place; `similar` tells how alike two are, if they are alike enough.
pub(super) fn join(items: &[u32], mut buckets: Buckets, similar: impl Fn(u32, u32) -> Option<f64>) -> Vec<Joined> {
    let mut joined: Vec<Joined> = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let mut best: Option<Joined> = None;
        for leaders in buckets.of(*item) {
            // Leaders stand in their bucket in order, so that those after the best one so far cannot be better.
            let better = leaders.iter().take_while(|leader| best.is_none_or(|best| **leader < best.leader));
            let found = better.copied().find_map(|leader| Some(Joined { leader, similarity: similar(items[leader as usize], *item)? }));
            best = found.or(best);
        }
        joined.push(best.unwrap_or_else(|| {
            buckets.put(*item, place as u32);
            Joined { leader: place as u32, similarity: 1.0 }
        }));
    }
    joined
}
