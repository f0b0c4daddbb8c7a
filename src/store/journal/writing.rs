//! The thread that writes the journal: it takes every record that waits, writes them in one transaction and waits for the disk once for all of
//! them.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use redb::{Database, ReadableTable};
use tokio::sync::oneshot;

use super::{LATEST_ANSWERS, RECORDS};

/// The thread, and the way to it.
#[derive(Debug)]
pub(super) struct Writing {
    orders: mpsc::Sender<Order>,
    thread: thread::JoinHandle<()>,
}

pub(super) enum Order {
    Append(Entry, Done),
    /// Removes every record before this number.
    Clear(u64, Done),
}

pub(super) struct Entry {
    pub record: Vec<u8>,
    /// Of a call that was answered.
    pub request: Option<u128>,
}

/// Told when an order is carried out.
pub(super) type Done = oneshot::Sender<Outcome>;

type Outcome = Result<(), Fault>;

/// What a failed write says to everyone who waited for it.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: io::ErrorKind,
    message: String,
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Fault {
        match error {
            redb::Error::Io(cause) => Fault { kind: cause.kind(), message: cause.to_string() },
            other => Fault { kind: io::ErrorKind::Other, message: other.to_string() },
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        io::Error::new(fault.kind, fault.message)
    }
}

impl Writing {
    /// Starts the thread; `next` is the number of the next record.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(database: Arc<Database>, next: u64) -> io::Result<Writing> {
        let (orders, ordered) = mpsc::channel();
        let thread = thread::Builder::new().name("call journal".into()).spawn(move || write_ordered(&database, &ordered, next))?;
        Ok(Writing { orders, thread })
    }

    /// What became of an order, once it is carried out; `None` if the thread has ended.
    pub async fn order(&self, order: impl FnOnce(Done) -> Order) -> Option<Outcome> {
        let (done, outcome) = oneshot::channel();
        self.orders.send(order(done)).ok()?;
        outcome.await.ok()
    }

    /// Carries out what is ordered, and ends the thread.
    pub fn end(self) {
        drop(self.orders);
        // Everyone who waited was told already of what went wrong.
        let _ = self.thread.join();
    }
}

/// Writes what is ordered until nobody can order any more. Everything that waits is written at once.
fn write_ordered(database: &Database, orders: &mpsc::Receiver<Order>, mut next: u64) {
    let mut fault: Option<Fault> = None;
    while let Ok(first) = orders.recv() {
        let (mut entries, mut waiting, mut clear_before) = (Vec::new(), Vec::new(), None);
        for order in std::iter::once(first).chain(orders.try_iter()) {
            let done = match order {
                Order::Append(entry, done) => {
                    entries.push(entry);
                    done
                }
                Order::Clear(end, done) => {
                    clear_before = clear_before.max(Some(end));
                    done
                }
            };
            waiting.push(done);
        }
        let written = match &fault {
            Some(fault) => Err(fault.clone()),
            None => {
                append(database, next, &entries).and_then(|()| clear_before.map_or(Ok(()), |end| clear(database, end))).map_err(Fault::from)
            }
        };
        next += entries.len() as u64;
        fault = written.clone().err();
        for done in waiting {
            // Whoever no longer waits needs no answer.
            let _ = done.send(written.clone());
        }
    }
}

fn append(database: &Database, first: u64, entries: &[Entry]) -> Result<(), redb::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        let mut records = transaction.open_table(RECORDS)?;
        let mut latest = transaction.open_table(LATEST_ANSWERS)?;
        for (number, Entry { record, request }) in (first..).zip(entries) {
            records.insert(number, record.as_slice())?;
            if let Some(request) = request {
                latest.insert(request, number)?;
            }
        }
    }
    Ok(transaction.commit()?)
}

/// Removes the records before number `end`, and makes the tables where they are missing. Few records stay, those of the moment: so the
/// tables are dropped whole, and what stays is written anew.
pub(super) fn clear(database: &Database, end: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let first = transaction.open_table(RECORDS)?.first()?.map(|(number, _)| number.value());
    transaction.open_table(LATEST_ANSWERS)?;
    if first.is_some_and(|first| first < end) {
        let staying: Vec<(u64, Vec<u8>)> = transaction
            .open_table(RECORDS)?
            .range(end..)?
            .map(|entry| entry.map(|(number, record)| (number.value(), record.value().to_vec())))
            .collect::<Result<_, _>>()?;
        let answers: Vec<(u128, u64)> = transaction
            .open_table(LATEST_ANSWERS)?
            .iter()?
            .map(|entry| entry.map(|(request, number)| (request.value(), number.value())))
            .filter(|entry| entry.as_ref().map_or(true, |(_, number)| *number >= end))
            .collect::<Result<_, _>>()?;
        transaction.delete_table(RECORDS)?;
        transaction.delete_table(LATEST_ANSWERS)?;
        let mut records = transaction.open_table(RECORDS)?;
        for (number, record) in &staying {
            records.insert(number, record.as_slice())?;
        }
        let mut latest = transaction.open_table(LATEST_ANSWERS)?;
        for (request, number) in &answers {
            latest.insert(request, number)?;
        }
    }
    Ok(transaction.commit()?)
}
