//! Items in, groups out, whatever makes two of them alike.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::leaders::Joined;

/// What a method compares of one item.
#[derive(Debug)]
pub struct Content<S> {
    /// Items with one key are equal.
    pub key: u128,
    /// What tells how alike it is to others.
    pub sketch: S,
}

/// What makes two contents alike.
pub trait Likeness {
    /// What is compared.
    type Sketch;

    /// Adds a content that is equal to none before it.
    fn add(&mut self, sketch: Self::Sketch);

    /// Which of the contents, given from the best rank to the last by the number in which they were added, join which.
    fn join(self, contents: &[u32]) -> Vec<Joined>;
}

/// Equality alone: nobody joins anybody.
#[derive(Debug, Default)]
pub struct Equality;

impl Likeness for Equality {
    type Sketch = ();

    fn add(&mut self, (): ()) {}

    fn join(self, contents: &[u32]) -> Vec<Joined> {
        (0..contents.len() as u32).map(|leader| Joined { leader, similarity: 1.0 }).collect()
    }
}

/// What decides which item of a group stays: the least round, then the greatest score (one without any comes last), then the least id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// The round of an instruction; 0 for an image.
    pub round: i32,
    /// The score of an instruction; the pixels of an image.
    pub score: Option<i64>,
}

#[derive(Debug)]
struct Item {
    id: Box<str>,
    rank: Rank,
    content: u32,
}

/// Collects items and groups them.
///
/// Memory for each item is its id, 64 bytes and what `L` keeps of its content; equal contents are kept once.
#[derive(Debug)]
pub struct Collector<L> {
    likeness: L,
    items: Vec<Item>,
    /// The number of each content.
    contents: HashMap<u128, u32>,
}

impl<L: Likeness> Collector<L> {
    /// Nothing yet.
    pub fn new(likeness: L) -> Collector<L> {
        Collector { likeness, items: Vec::new(), contents: HashMap::new() }
    }

    /// Adds an item. The order in which items come changes nothing.
    pub fn add(&mut self, id: &str, rank: Rank, content: Content<L::Sketch>) {
        let number = self.contents.len() as u32;
        let content = match self.contents.entry(content.key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.likeness.add(content.sketch);
                *new.insert(number)
            }
        };
        self.items.push(Item { id: id.into(), rank, content });
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The groups of two items or more.
    pub fn finish(self) -> Groups {
        let Collector { likeness, mut items, contents } = self;
        items.sort_unstable_by(|a, b| {
            let by_rank = |item: &Item| (item.rank.round, std::cmp::Reverse(item.rank.score));
            by_rank(a).cmp(&by_rank(b)).then_with(|| a.id.cmp(&b.id))
        });
        // A content ranks as its first item does.
        let mut places = vec![None; contents.len()];
        drop(contents);
        let (mut in_order, mut first_items) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
        for (item, Item { content, .. }) in items.iter().enumerate() {
            let place = &mut places[*content as usize];
            if place.is_none() {
                *place = Some(in_order.len());
                in_order.push(*content);
                first_items.push(item as u32);
            }
        }
        let joined = likeness.join(&in_order);
        let joined_by = |item: &Item| places[item.content as usize].map(|place| (place, joined[place]));
        let mut sizes = vec![0u32; joined.len()];
        items.iter().filter_map(joined_by).for_each(|(_, joined)| sizes[joined.leader as usize] += 1);
        let mut members: Vec<Member> = Vec::new();
        for (item, (place, Joined { leader, similarity })) in
            items.iter().enumerate().filter_map(|(item, row)| Some((item, joined_by(row)?)))
        {
            if sizes[leader as usize] > 1 {
                debug_assert!(place >= leader as usize);
                members.push(Member { representative: first_items[leader as usize], member: item as u32, similarity });
            }
        }
        members.sort_unstable_by_key(|member| (member.representative, member.member));
        Groups { compared: items.len() as u64, ids: items.into_iter().map(|item| item.id).collect(), members }
    }
}

/// A member of a group, by the places of ids.
#[derive(Debug, Clone, Copy)]
struct Member {
    representative: u32,
    member: u32,
    similarity: f64,
}

/// One row of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupRow<'a> {
    /// The item of the group that stays.
    pub representative_id: &'a str,
    /// An item of the group; the representative is one itself.
    pub member_id: &'a str,
    /// How alike the two are, 0 to 1.
    pub similarity: f64,
}

impl GroupRow<'_> {
    /// Whether this is the item that stays.
    pub fn is_representative(&self) -> bool {
        self.representative_id == self.member_id
    }
}

/// The groups that were found.
#[derive(Debug)]
pub struct Groups {
    compared: u64,
    ids: Vec<Box<str>>,
    members: Vec<Member>,
}

impl Groups {
    /// How many items were compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// The members of all groups: groups by the rank of their representatives, which come first in their groups, and then by their own.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = GroupRow<'_>> {
        self.members.iter().map(|member| GroupRow {
            representative_id: &self.ids[member.representative as usize],
            member_id: &self.ids[member.member as usize],
            similarity: member.similarity,
        })
    }

    /// How many groups there are.
    pub fn len(&self) -> u64 {
        self.members.iter().filter(|member| member.member == member.representative).count() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many items are duplicates: members that are not the representative.
    pub fn duplicates(&self) -> u64 {
        self.members.len() as u64 - self.len()
    }
}
