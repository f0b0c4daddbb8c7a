//! Requests in flight: identical ones share one call, and a call nobody waits for is withdrawn unless it is on its way; if it fails there, it is
//! not sent again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::outcome::CallOutcome;
use super::request_state::RequestState;
use super::service::PreparedRequest;
use crate::error::{Error, Result};

/// The requests that are being answered, each by a task of its own.
#[derive(Debug, Default)]
pub struct InFlight {
    flights: Mutex<HashMap<String, Flight>>,
    /// Tasks that have not ended, also those of withdrawn requests.
    tasks: watch::Sender<usize>,
}

/// What becomes of a request; empty while it is under way.
type Arrival = Option<std::result::Result<CallOutcome, Arc<Error>>>;

#[derive(Debug)]
struct Flight {
    state: Arc<RequestState>,
    max_tokens: u32,
    waiters: usize,
    arrival: watch::Receiver<Arrival>,
}

/// One of those who wait for a request. Dropped, it waits no more; with its last waiter a request is withdrawn that still waits itself, be it
/// to be sent again.
#[derive(Debug)]
pub(super) struct Waiter {
    in_flight: Arc<InFlight>,
    request_id: String,
    state: Arc<RequestState>,
    arrival: watch::Receiver<Arrival>,
    /// Whether the request was begun for this waiter.
    pub leads: bool,
    /// The limit that the request was made under.
    pub max_tokens: u32,
}

impl InFlight {
    /// Waits for a request that is in flight already, or puts it there: `begin` makes what answers it.
    pub(super) fn join<W>(self: &Arc<Self>, request: &PreparedRequest, begin: impl FnOnce(Arc<RequestState>) -> W) -> Waiter
    where
        W: Future<Output = Result<CallOutcome>> + Send + 'static,
    {
        let mut flights = self.flights();
        if let Some(flight) = flights.get_mut(&request.request_id).filter(|flight| flight.state.take_up()) {
            flight.waiters += 1;
            return self.waiter(&request.request_id, flight, false);
        }
        let (sender, arrival) = watch::channel(None);
        let flight = Flight { state: Arc::default(), max_tokens: request.request.parameters.max_tokens, waiters: 1, arrival };
        let waiter = self.waiter(&request.request_id, &flight, true);
        let landing = Landing {
            in_flight: Arc::clone(self),
            request_id: request.request_id.clone(),
            state: Arc::clone(&flight.state),
            arrival: sender,
        };
        flights.insert(request.request_id.clone(), flight);
        // A runtime that shuts down ends the task at once, and its landing takes the lock.
        drop(flights);
        self.tasks.send_modify(|tasks| *tasks += 1);
        let mut journey = Journey { work: Box::pin(begin(Arc::clone(&waiter.state))), landing };
        tokio::spawn(async move {
            tokio::select! {
                // In this order: what is withdrawn before its task begins does nothing at all.
                biased;
                () = journey.landing.state.withdrawn() => {}
                outcome = journey.work.as_mut() => journey.landing.arrive(outcome),
            }
        });
        waiter
    }

    fn waiter(self: &Arc<Self>, request_id: &str, flight: &Flight, leads: bool) -> Waiter {
        Waiter {
            in_flight: Arc::clone(self),
            request_id: request_id.to_owned(),
            state: Arc::clone(&flight.state),
            arrival: flight.arrival.clone(),
            leads,
            max_tokens: flight.max_tokens,
        }
    }

    /// Waits until nothing is in flight: what was sent is answered and written down.
    pub async fn settled(&self) {
        self.at_most(0).await;
    }

    /// Waits until no more than `most` requests are in flight, or in line to be.
    pub async fn at_most(&self, most: usize) {
        // The sender lives as long as `self`.
        let _ = self.tasks.subscribe().wait_for(|tasks| *tasks <= most).await;
    }

    /// Whether a request other than this one is in flight that was first sent before `moment`.
    pub(super) fn has_another_sent_before(&self, moment: Instant, request_id: &str) -> bool {
        let is_earlier = |flight: &Flight| flight.state.sent_at().is_some_and(|sent_at| sent_at < moment);
        self.flights().iter().any(|(id, flight)| id.as_str() != request_id && is_earlier(flight))
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// What became of the request.
    ///
    /// # Errors
    /// Those that concern the whole command; every waiter gets them.
    pub async fn outcome(&mut self) -> Result<CallOutcome> {
        let ended_early = || Error::internal("failed to make a model call", "its task ended early");
        match self.arrival.wait_for(Option::is_some).await.map_err(|_| ended_early())?.as_ref() {
            Some(Ok(outcome)) => Ok(outcome.clone()),
            Some(Err(error)) => Err(copy_of(error)),
            None => Err(ended_early()),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut flights = self.in_flight.flights();
        let Entry::Occupied(mut entry) = flights.entry(std::mem::take(&mut self.request_id)) else { return };
        let flight = entry.get_mut();
        if !Arc::ptr_eq(&flight.state, &self.state) {
            return;
        }
        flight.waiters -= 1;
        // Its task, which waits for that, ends.
        if flight.waiters == 0 && flight.state.abandon() {
            entry.remove();
        }
    }
}

/// What a task holds, in the order in which it lets go: first what the work uses, such as the journal, then its count.
struct Journey<W> {
    work: Pin<Box<W>>,
    landing: Landing,
}

/// Ends a flight, however its task ends.
struct Landing {
    in_flight: Arc<InFlight>,
    request_id: String,
    state: Arc<RequestState>,
    arrival: watch::Sender<Arrival>,
}

impl Landing {
    /// Whoever asks from now on finds the answer in the journal, or asks anew after a failure.
    fn arrive(&self, outcome: Result<CallOutcome>) {
        self.leave();
        self.arrival.send_replace(Some(outcome.map_err(Arc::new)));
    }

    fn leave(&self) {
        let mut flights = self.in_flight.flights();
        if flights.get(&self.request_id).is_some_and(|flight| Arc::ptr_eq(&flight.state, &self.state)) {
            flights.remove(&self.request_id);
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.leave();
        self.in_flight.tasks.send_modify(|tasks| *tasks -= 1);
    }
}

/// The error for one of several waiters.
fn copy_of(error: &Error) -> Error {
    match error {
        Error::Model { model, endpoint, cause } => Error::Model { model: model.clone(), endpoint: endpoint.clone(), cause: cause.clone() },
        Error::Io { action, path, cause } => Error::io(action, path, std::io::Error::new(cause.kind(), cause.to_string())),
        other => Error::internal("failed to make a model call", other.to_string()),
    }
}
