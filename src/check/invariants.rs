//! What must hold of every store.

use crate::query::{Statement, statement};

/// Something that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariant {
    /// What holds, in words joined by underscores.
    pub name: &'static str,
    /// What to do when it does not.
    pub remedy: &'static str,
    pub(super) subject: Subject,
}

/// Where it is looked for what breaks an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The versions that the catalog names.
    Versions,
    /// The versions of the present state, beside those that the last publication left.
    State,
    /// The files that only earlier states need.
    EarlierFiles,
    /// What the published versions hold, which can be looked at where they are there.
    Content(Content),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// The files of the tables.
    Files,
    /// The rows: gives the id of each that breaks it.
    Rows(Statement),
    /// The bytes of the images.
    Images,
    /// What commands that were cut off left behind.
    LeftOver(LeftOverKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOverKind {
    /// The journal itself.
    Journal,
    /// Calls that are in the journal and in the table, which would be there twice. This and a damaged journal are all that breaks anything.
    DoubledCalls,
    Calls,
    Versions,
    Files,
}

pub(super) const COUNTS_AGREE: Statement = statement!("check/counts_agree");

/// Every invariant, in the order in which they are checked.
pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "versions_are_there",
        remedy: "files of the store were removed: bring them back from a copy of the store",
        subject: Subject::Versions,
    },
    Invariant {
        name: "tables_are_of_one_state",
        remedy: "catalog.json was changed by hand, or mixed from several: 'mmevol check --repair' takes the versions that the last run left",
        subject: Subject::State,
    },
    Invariant {
        name: "table_files_are_whole",
        remedy: "files of the store were removed or changed: bring them back from a copy of the store",
        subject: Subject::Content(Content::Files),
    },
    Invariant {
        name: "earlier_states_are_whole",
        remedy: "files that only earlier states need were removed or changed, and 'mmevol restore' refuses those states: bring the files back from \
                 a copy of the store; the dataset as it is now does not need them",
        subject: Subject::EarlierFiles,
    },
    Invariant {
        name: "ids_are_unique",
        remedy: "rows were inserted twice: go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Content(Content::Rows(statement!("check/ids_are_unique"))),
    },
    Invariant {
        name: "ids_match_their_content",
        remedy: "rows were inserted by hand under ids of their own: importing or evolving the same again does not recognise them",
        subject: Subject::Content(Content::Rows(statement!("check/ids_match_their_content"))),
    },
    Invariant {
        name: "instructions_have_their_sample",
        remedy: "import the sample's seed file again",
        subject: Subject::Content(Content::Rows(statement!("check/instructions_have_their_sample"))),
    },
    Invariant {
        name: "instructions_have_their_evolution",
        remedy: "go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Content(Content::Rows(statement!("check/instructions_have_their_evolution"))),
    },
    Invariant {
        name: "kept_items_have_a_parent_or_are_seeds",
        remedy: "rows were inserted by hand: look at them in history, and insert their parents",
        subject: Subject::Content(Content::Rows(statement!("check/kept_items_have_a_parent_or_are_seeds"))),
    },
    Invariant {
        name: "parents_come_first",
        remedy: "rows were inserted by hand, and their lineage means nothing: go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Content(Content::Rows(statement!("check/parents_come_first"))),
    },
    Invariant {
        name: "evolutions_have_their_sample",
        remedy: "import the sample's seed file again",
        subject: Subject::Content(Content::Rows(statement!("check/evolutions_have_their_sample"))),
    },
    Invariant {
        name: "evolutions_have_their_prompts",
        remedy: "the text is lost, what was made with it is not: 'mmevol evolve --stale' does not see that such a prompt was edited",
        subject: Subject::Content(Content::Rows(statement!("check/evolutions_have_their_prompts"))),
    },
    Invariant {
        name: "one_attempt_stands",
        remedy: "items count twice: 'mmevol evolve --stale' mends a sample that changed; inserted rows go with 'mmevol restore TAG'",
        subject: Subject::Content(Content::Rows(statement!("check/one_attempt_stands"))),
    },
    Invariant {
        name: "counts_agree",
        remedy: "'mmevol check --repair' counts the items again",
        subject: Subject::Content(Content::Rows(COUNTS_AGREE)),
    },
    Invariant {
        name: "evolutions_have_their_calls",
        remedy: "'mmevol check --repair' takes the answers from the journal; those that are not there are lost, but the items are not",
        subject: Subject::Content(Content::Rows(statement!("check/evolutions_have_their_calls"))),
    },
    Invariant {
        name: "duplicates_have_their_item",
        remedy: "mark them anew with 'mmevol dedup', or take the marks back with 'mmevol dedup --unmark'",
        subject: Subject::Content(Content::Rows(statement!("check/duplicates_have_their_item"))),
    },
    Invariant {
        name: "samples_have_their_images",
        remedy: "import the seed file again into a new store",
        subject: Subject::Content(Content::Rows(statement!("check/samples_have_their_images"))),
    },
    Invariant {
        name: "images_match_their_ids",
        remedy: "files of the store are damaged: import the images again into a new store",
        subject: Subject::Content(Content::Images),
    },
    Invariant {
        name: "journal_is_readable",
        remedy: "journal.redb is damaged: bring it back from a copy of the store, or move it away; what is lost then is answers of a command that \
                 was cut off, and nothing that was published",
        subject: Subject::Content(Content::LeftOver(LeftOverKind::Journal)),
    },
    Invariant {
        name: "journal_holds_new_calls",
        remedy: "the next command that writes adds these calls a second time, and their cost counts twice",
        subject: Subject::Content(Content::LeftOver(LeftOverKind::DoubledCalls)),
    },
    Invariant {
        name: "journal_is_in_calls",
        remedy: "a command was cut off, and its answers are safe: the next one that writes, or 'mmevol check --repair', adds them to calls",
        subject: Subject::Content(Content::LeftOver(LeftOverKind::Calls)),
    },
    Invariant {
        name: "versions_are_published",
        remedy: "a command was cut off before it published: the next one that writes, or 'mmevol check --repair', goes on without them",
        subject: Subject::Content(Content::LeftOver(LeftOverKind::Versions)),
    },
    Invariant {
        name: "files_are_in_use",
        remedy: "a command was cut off: 'mmevol check --repair' removes what it left",
        subject: Subject::Content(Content::LeftOver(LeftOverKind::Files)),
    },
];
