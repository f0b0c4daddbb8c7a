//! What the journal keeps, finds and hands over.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use futures::TryStreamExt;

use super::*;
use crate::store::{Store, StoredCalls, Writer};

fn call(request: u128, response: &str) -> CallRecord {
    CallRecord {
        request_id: format!("{request:032x}"),
        kind: "complete".into(),
        model: "m".into(),
        endpoint: "embedded".into(),
        max_tokens: Some(100),
        response: Some(response.into()),
        finish_reason: Some("stop".into()),
        prompt_tokens: Some(1),
        completion_tokens: None,
        cost_usd: Some(0.25),
        latency_ms: Some(7),
        attempts: 1,
        http_status: Some(200),
        error: None,
        run_id: "run-1".into(),
        created_at: chrono::DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
    }
}

fn failed(request: u128) -> CallRecord {
    CallRecord { response: None, finish_reason: None, error: Some("timeout: too slow".into()), ..call(request, "") }
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store")).await.unwrap();
    writer(&store).await.publish(serde_json::json!({})).await.unwrap();
    (folder, store)
}

async fn writer(store: &Store) -> Writer {
    store.writer("test", serde_json::json!({})).await.unwrap()
}

fn response(journal: &Journal, request: u128) -> Option<String> {
    journal.answer(&format!("{request:032x}")).unwrap().map(|answer| answer.response)
}

async fn stored(store: &Store) -> Vec<String> {
    let mut responses = Vec::new();
    let columns = ["response", "max_tokens", "created_at"];
    store
        .snapshot()
        .await
        .unwrap()
        .for_each(Table::Calls, &columns, |batch| {
            responses.extend(batch.column(0).as_string::<i32>().iter().map(|text| text.unwrap_or("NULL").to_owned()));
        })
        .await
        .unwrap();
    responses
}

#[tokio::test]
async fn the_latest_answer_counts_and_failures_are_none() {
    let journal = Journal::temporary().unwrap();
    assert!(journal.is_empty().unwrap());
    assert_eq!(response(&journal, 1), None);
    for record in [call(1, "first"), call(2, "other"), call(1, "second"), failed(1), failed(3)] {
        journal.append(record).await.unwrap();
    }
    assert_eq!([1, 2, 3, 4].map(|request| response(&journal, request)), [Some("second".into()), Some("other".into()), None, None]);
    assert_eq!(journal.len().unwrap(), 5);
    assert!(journal.answer("no id").unwrap().is_none());
    assert!(journal.append(CallRecord { request_id: "no id".into(), ..call(1, "") }).await.is_err());
}

#[tokio::test]
async fn records_keep_their_order_over_several_batches() {
    let journal = Arc::new(Journal::temporary().unwrap());
    let appended = (0..BATCH_RECORDS + 10).map(|number| journal.append(call(number as u128, &number.to_string())));
    futures::future::try_join_all(appended).await.unwrap();
    let batches: Vec<_> = journal.batches(journal.numbers(0).unwrap()).try_collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).collect::<Vec<_>>(), [BATCH_RECORDS, 10]);
    let responses = batches.iter().flat_map(|batch| batch["response"].as_string::<i32>().iter().flatten());
    assert!(responses.zip(0..).all(|(response, number): (&str, usize)| response == number.to_string()));
}

#[tokio::test]
async fn what_is_left_of_one_command_is_found_by_the_next_and_published_once() {
    let (_folder, store) = store().await;
    let mut first = writer(&store).await;
    let journal = first.journal().unwrap();
    journal.append(call(1, "paid")).await.unwrap();
    journal.append(failed(2)).await.unwrap();
    drop(first);
    assert!(store.writer("test", serde_json::json!({})).await.is_err(), "requests may still be written down");
    drop(journal);

    let mut second = writer(&store).await;
    assert_eq!(response(&second.journal().unwrap(), 1).as_deref(), Some("paid"));
    assert!(second.has_changes().unwrap());
    second.journal().unwrap().append(call(3, "new")).await.unwrap();
    second.checkpoint(serde_json::json!({})).await.unwrap();
    assert!(second.journal().unwrap().is_empty().unwrap());
    assert!(!second.has_changes().unwrap());
    drop(second);
    assert_eq!(stored(&store).await, ["paid", "NULL", "new"]);
    assert!(!Journal::exists(store.root()), "an empty journal is removed");
    let known = StoredCalls::new(&store.snapshot().await.unwrap());
    let ids = [1, 2, 3, 1].map(|request| format!("{request:032x}"));
    let found = known.get_many(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    let found: Vec<Option<String>> = found.into_iter().map(|answer| answer.map(|answer| answer.response)).collect();
    assert_eq!(found, [Some("paid".into()), None, Some("new".into()), Some("paid".into())]);
    assert_eq!(known.get(&ids[0]).await.unwrap().unwrap().max_tokens, Some(100));
}

/// An endpoint once counted 2^64 - 1 tokens, and nothing could be published to that store any more.
#[tokio::test]
async fn a_number_that_fits_in_no_column_does_not_keep_the_others_from_being_published() {
    let (_folder, store) = store().await;
    let mut first = writer(&store).await;
    let journal = first.journal().unwrap();
    let most = Some(u64::MAX);
    let beyond = CallRecord { prompt_tokens: most, completion_tokens: most, latency_ms: most, attempts: u32::MAX, ..call(1, "paid") };
    journal.append(beyond).await.unwrap();
    journal.append(CallRecord { prompt_tokens: Some(i64::MAX.unsigned_abs()), ..call(2, "other") }).await.unwrap();
    assert_eq!(journal.answer(&format!("{:032x}", 1)).unwrap().unwrap().prompt_tokens, None);
    drop((first, journal));
    writer(&store).await.publish(serde_json::json!({})).await.unwrap();
    assert_eq!(stored(&store).await, ["paid", "other"]);
}

/// Any command publishes what a model's command left.
#[tokio::test]
async fn another_command_publishes_what_was_left() {
    let (_folder, store) = store().await;
    let mut first = writer(&store).await;
    first.journal().unwrap().append(call(1, "paid")).await.unwrap();
    drop(first);
    writer(&store).await.publish(serde_json::json!({})).await.unwrap();
    assert_eq!(stored(&store).await, ["paid"]);
}

/// The process ends between replacing the catalog and clearing the journal.
#[tokio::test]
async fn published_records_that_were_not_cleared_are_not_published_again() {
    let (_folder, store) = store().await;
    let mut first = writer(&store).await;
    let journal = first.journal().unwrap();
    journal.append(call(1, "once")).await.unwrap();
    drop((first, journal));
    let uncleared = std::fs::read(store.root().join(JOURNAL_FILE)).unwrap();
    writer(&store).await.publish(serde_json::json!({})).await.unwrap();
    std::fs::write(store.root().join(JOURNAL_FILE), uncleared).unwrap();

    let mut next = writer(&store).await;
    assert!(next.journal().unwrap().is_empty().unwrap());
    next.journal().unwrap().append(call(2, "twice")).await.unwrap();
    next.publish(serde_json::json!({})).await.unwrap();
    assert_eq!(stored(&store).await, ["once", "twice"]);
}

/// Answers that come while the others are being published stay for the next time.
#[tokio::test]
async fn clearing_leaves_what_came_later() {
    let journal = Journal::temporary().unwrap();
    for record in [call(1, "a"), call(2, "b"), call(1, "c")] {
        journal.append(record).await.unwrap();
    }
    journal.clear(2).await.unwrap();
    assert_eq!((journal.len().unwrap(), journal.numbers(2).unwrap()), (1, 2..3));
    assert_eq!((response(&journal, 1).as_deref(), response(&journal, 2)), (Some("c"), None));
    journal.append(call(2, "d")).await.unwrap();
    assert_eq!(journal.numbers(2).unwrap(), 2..4);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_are_written_together() {
    let journal = Arc::new(Journal::temporary().unwrap());
    let database = Arc::clone(journal.database.as_ref().unwrap());
    // While another transaction writes, everyone waits.
    let transaction = database.begin_write().unwrap();
    let appended: Vec<_> = (0..64)
        .map(|number| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move { journal.append(call(number, "x")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(appended.iter().all(|append| !append.is_finished()));
    assert_eq!(journal.len().unwrap(), 0, "nothing is there before it is on disk");
    transaction.abort().unwrap();
    for append in appended {
        append.await.unwrap().unwrap();
    }
    assert_eq!(journal.len().unwrap(), 64);
}

/// Takes writes until the disk is full.
#[derive(Debug, Default)]
struct Disk {
    file: redb::backends::InMemoryBackend,
    full: Arc<AtomicBool>,
}

impl Disk {
    fn room(&self) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.room()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.file.write(offset, data)
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_of_everyone_who_waits() {
    let disk = Disk::default();
    let full = Arc::clone(&disk.full);
    let journal = Journal::over(builder().create_with_backend(disk).unwrap(), 0, None, crate::store::disk::Disk::default(), None).unwrap();
    journal.append(call(1, "kept")).await.unwrap();
    full.store(true, Ordering::Relaxed);
    let (first, second) = tokio::join!(journal.append(call(2, "a")), journal.append(call(3, "b")));
    let later = journal.append(call(4, "c")).await;
    for outcome in [first, second, later] {
        assert!(matches!(&outcome, Err(Error::Io { cause, .. }) if cause.kind() == io::ErrorKind::StorageFull), "{outcome:?}");
    }
}
