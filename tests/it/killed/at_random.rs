//! Rounds of evolution, from the import to the export, killed at random moments. `MMEVOL_TEST_SEED` repeats the moments, as far as time can be repeated.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use mmevol::store::Table;
use mmevol::{Error, Store};
use serde_json::Value;

use super::*;
use crate::chance::Chance;
use crate::command::bundled_seeds;

const CONCURRENCY: usize = 4;

#[tokio::test]
async fn killed_a_few_times() {
    kill(Chance::seeded(1), 2, 2).await;
}

#[tokio::test]
#[ignore = "takes minutes: make test-slow"]
async fn killed_fifty_times() {
    kill(Chance::new(), 3, 50).await;
}

/// Runs the three commands in one store after another, until rounds of evolution have been killed so many times. Each store ends as one that
/// nobody disturbed.
async fn kill(mut chance: Chance, rounds: u32, kills: usize) {
    println!("{chance}");
    let undisturbed = Life::new(rounds);
    let durations = undisturbed.commands().map(|command| undisturbed.run(&command));
    let complete = contents(&undisturbed.workspace.store()).await;
    assert_eq!(undisturbed.endpoint.requests(), undisturbed.endpoint.distinct_requests());

    let mut left = kills;
    while left > 0 {
        let life = Life::new(rounds);
        let [import, evolve, export] = life.commands();
        let [importing, evolving, exporting] = durations;
        life.run_killed(&import, importing, &mut chance, 1).await;
        let killed = life.run_killed(&evolve, evolving, &mut chance, left).await;
        life.run_killed(&export, exporting, &mut chance, 1).await;
        left -= killed;

        let story = format!("killed {killed} times while it evolved");
        assert_same(&contents(&life.workspace.store()).await, &complete, &story);
        assert_eq!(life.exported(), undisturbed.exported(), "{story}");
        let (asked, distinct) = (life.endpoint.requests(), life.endpoint.distinct_requests());
        assert_eq!(distinct, undisturbed.endpoint.distinct_requests(), "{story}");
        assert!(asked <= distinct + killed * CONCURRENCY, "{asked} requests, {distinct} of them distinct: {story}");
        println!("{story}, {} requests asked again", asked - distinct);
    }
}

/// One store with its endpoint.
struct Life {
    workspace: Workspace,
    endpoint: Endpoint,
    rounds: u32,
}

impl Life {
    fn new(rounds: u32) -> Life {
        // Answers take differently long, so that some requests are in flight at most moments.
        let endpoint = Endpoint::start(|body| {
            let mut hasher = DefaultHasher::new();
            body.to_string().hash(&mut hasher);
            Behaviour::Delay(Duration::from_millis(hasher.finish() % 60), Box::new(evolving(body)))
        });
        Life { workspace: Workspace::new(), endpoint, rounds }
    }

    fn commands(&self) -> [Vec<String>; 3] {
        let (seeds, url) = (bundled_seeds(), self.endpoint.base_url());
        let (rounds, concurrency) = (self.rounds.to_string(), CONCURRENCY.to_string());
        let import = ["import", &seeds, "--source", "demo"];
        let evolve = ["evolve", "--rounds", &rounds, "--model", "m", "--base-url", &url, "--concurrency", &concurrency];
        let export = ["export", "-o", "dataset.json", "--format", "llava", "--rounds", "all"];
        [&import[..], &evolve, &export].map(|command| command.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Runs a command to its end. Returns how long it took.
    fn run(&self, command: &[String]) -> Duration {
        let started = Instant::now();
        self.workspace.run_with_key(&words(command), KEY).expect_code(0);
        started.elapsed()
    }

    /// Runs a command again and again and kills it at a moment of the time it takes, until it is done, or was killed so many times. Then lets it
    /// end. Returns how many times it was killed.
    async fn run_killed(&self, command: &[String], takes: Duration, chance: &mut Chance, most: usize) -> usize {
        let takes_us = u64::try_from(takes.as_micros()).unwrap();
        for killed in 0..most {
            let moment = Duration::from_micros(chance.below(takes_us));
            let mut running = self.workspace.spawn_with_key(&words(command), KEY);
            let ended = tokio::time::timeout(moment, async {
                while running.try_wait().unwrap().is_none() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
            if ended.await.is_ok() {
                assert!(running.wait().unwrap().success(), "{command:?} fails after {killed} kills");
                return killed;
            }
            running.kill().unwrap();
            running.wait().unwrap();
            println!("{} killed after {moment:?}, {} requests", command[0], self.endpoint.requests());
            self.assert_sound().await;
        }
        self.run(command);
        most
    }

    /// The store as the kill left it: no invariant is broken, and every answer is on disk but for those that were under way.
    async fn assert_sound(&self) {
        let store = match Store::open(self.workspace.store()).await {
            Err(Error::NoStore { .. }) => return,
            opened => opened.unwrap(),
        };
        let violations = mmevol::check::check(&store).await.unwrap();
        assert!(violations.is_empty(), "{violations:?}");
        let journaled: usize = store.left_over().await.unwrap().calls.iter().map(|batch| batch.num_rows()).sum();
        let recorded = store.snapshot().await.unwrap().count_rows(Table::Calls).await.unwrap();
        let (asked, answered) = (self.endpoint.distinct_requests(), recorded as usize + journaled);
        assert!(asked <= answered + CONCURRENCY, "{asked} requests arrived, and {answered} answers are on disk");
    }

    /// The exported samples, in an order of their own.
    fn exported(&self) -> Vec<String> {
        let text = fs::read(self.workspace.path("dataset.json")).unwrap();
        let samples: Vec<Value> = serde_json::from_slice(&text).unwrap();
        let mut samples: Vec<String> = samples.iter().map(Value::to_string).collect();
        samples.sort();
        samples
    }
}
