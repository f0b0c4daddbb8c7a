//! Commands that are interrupted: once, they stop in good order and say how to go on; twice, at once. Neither loses what was paid for.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

use crate::command::Workspace;
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::KEY;

/// A running command that was told to stop.
struct Stopping {
    command: Child,
    said: BufReader<ChildStderr>,
}

fn send(signal: &str, command: &Child) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", command.id())]).status().unwrap();
    assert!(status.success());
}

impl Stopping {
    /// Starts a command, and sends a signal as soon as `reached` holds. Comes back when the command has understood.
    async fn when(workspace: &Workspace, arguments: &[&str], signal: &str, reached: impl Fn() -> bool) -> Stopping {
        let mut command = workspace.spawn_to_listen(arguments, KEY);
        while !reached() {
            assert!(command.try_wait().unwrap().is_none(), "it ended by itself");
            tokio::task::yield_now().await;
        }
        send(signal, &command);
        let mut said = BufReader::new(command.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("stopping") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it ended without a word");
        }
        Stopping { command, said }
    }

    /// The exit code, and what else it said.
    fn end(mut self) -> (i32, String) {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        (self.command.wait().unwrap().code().expect("it exits by itself"), rest)
    }
}

/// Reads up to where this is said.
#[track_caller]
fn wait_for(said: &mut impl Read, fragment: &str) {
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(fragment.as_bytes()) {
        assert!(said.read(&mut byte).unwrap() > 0, "it ended without '{fragment}': {}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
}

fn is_score(body: &Value) -> bool {
    body["response_format"]["json_schema"]["name"] == "scored_instructions"
}

/// An endpoint that answers some requests, and holds all later ones until it is released.
fn holding_after(answers: usize) -> Endpoint {
    let asked = AtomicUsize::new(0);
    Endpoint::start(move |body| match asked.fetch_add(1, Ordering::Relaxed) < answers {
        true => evolving(body),
        false => Behaviour::Hold(Box::new(evolving(body))),
    })
}

fn evolve(endpoint: &Endpoint) -> Vec<String> {
    let url = endpoint.base_url();
    ["evolve", "--rounds", "2", "--model", "m", "--base-url", &url, "--concurrency", "2"].map(str::to_owned).to_vec()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

async fn undisturbed() -> Vec<Value> {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    workspace.run_with_key(&words(&evolve(&endpoint)), KEY).expect_code(0);
    workspace.items().await
}

/// Wherever it stands, what is on its way is finished and kept, nothing more is sent, and the same command goes on from there.
#[tokio::test]
async fn once_finishes_what_is_on_its_way() {
    let complete = undisturbed().await;
    for answers in [0, 11, 17] {
        let (workspace, endpoint) = (Workspace::with_photos(), holding_after(answers));
        let arguments = evolve(&endpoint);
        let held = || endpoint.requests() == answers + 2;
        let stopping = Stopping::when(&workspace, &words(&arguments), "INT", held).await;
        endpoint.release();
        let (code, said) = stopping.end();
        assert_eq!(code, 130, "{said}");
        assert!(said.contains("stopped by Ctrl-C") && said.contains("go on with the same command"), "{said}");
        assert_eq!(endpoint.requests(), answers + 2, "nothing more was sent");
        let evolutions = workspace.rows("SELECT status, score_request_id FROM evolutions").await;
        let scored = endpoint.received().iter().filter(|request| is_score(&request.body)).count();
        // Some need no verdict of their own: nothing is left to judge, or the same was judged before.
        let verdicts: HashSet<_> = evolutions.iter().filter_map(|row| row["score_request_id"].as_str()).collect();
        assert_eq!(verdicts.len(), scored, "what has its verdict is complete, after {answers} answers\n{evolutions:?}");
        assert!(evolutions.iter().all(|row| row["status"] != "failed"), "{evolutions:?}");
        workspace.run(&["check"]).expect_code(0);

        workspace.run_with_key(&words(&arguments), KEY).expect_code(0);
        assert_eq!(endpoint.requests(), endpoint.distinct_requests(), "nothing was asked twice");
        assert_eq!(workspace.items().await, complete, "after {answers} answers");
    }
}

#[tokio::test]
async fn twice_ends_at_once_and_keeps_what_came() {
    let hangs = Arc::new(AtomicBool::new(true));
    let (asked, switch) = (AtomicUsize::new(0), Arc::clone(&hangs));
    let endpoint = Endpoint::start(move |body| match asked.fetch_add(1, Ordering::Relaxed) >= 9 && switch.load(Ordering::Relaxed) {
        true => Behaviour::Hang,
        false => evolving(body),
    });
    let workspace = Workspace::with_photos();
    let arguments = evolve(&endpoint);
    let stopping = Stopping::when(&workspace, &words(&arguments), "INT", || endpoint.requests() == 11).await;
    send("INT", &stopping.command);
    let (code, said) = stopping.end();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("stopped at once"), "{said}");

    hangs.store(false, Ordering::Relaxed);
    workspace.run_with_key(&words(&arguments), KEY).expect_code(0);
    assert_eq!(endpoint.requests(), endpoint.distinct_requests() + 2, "those on their way were asked again, and no other");
    assert_eq!(workspace.items().await, undisturbed().await);
}

#[tokio::test]
async fn a_request_to_terminate_is_like_ctrl_c() {
    stops_in_good_order("TERM", 143).await;
}

/// A closed terminal, unless the tests themselves are to outlive theirs, which commands inherit.
#[tokio::test]
async fn a_terminal_that_hangs_up_is_like_ctrl_c() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let listens = status.lines().any(|line| line.starts_with("SigIgn:") && line.ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']));
    if !listens {
        println!("skipped: SIGHUP is ignored here");
        return;
    }
    stops_in_good_order("HUP", 129).await;
}

async fn stops_in_good_order(signal: &str, exit_code: i32) {
    let (workspace, endpoint) = (Workspace::with_photos(), holding_after(4));
    let arguments = evolve(&endpoint);
    let stopping = Stopping::when(&workspace, &words(&arguments), signal, || endpoint.requests() == 6).await;
    endpoint.release();
    let (code, said) = stopping.end();
    assert_eq!(code, exit_code, "{said}");
    assert!(said.contains(&format!("stopped by SIG{signal}")), "{said}");
    assert_eq!(endpoint.requests(), 6);
    workspace.run(&["check"]).expect_code(0);
}

/// It waits for nobody: the endpoint asked for an hour of patience.
#[tokio::test]
async fn a_request_that_waits_to_be_tried_again_is_given_up() {
    let overloaded = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&overloaded);
    let endpoint = Endpoint::start(move |body| match switch.load(Ordering::Relaxed) {
        true => Behaviour::rate_limited(3_600_000),
        false => evolving(body),
    });
    let workspace = Workspace::with_photos();
    let arguments = evolve(&endpoint);
    let stopping = Stopping::when(&workspace, &words(&arguments), "INT", || endpoint.requests() > 0).await;
    let (code, said) = stopping.end();
    assert_eq!(code, 130, "{said}");
    assert!(workspace.rows("SELECT status FROM evolutions").await.is_empty(), "what was not answered is still due");

    overloaded.store(false, Ordering::Relaxed);
    workspace.run_with_key(&words(&arguments), KEY).expect_code(0);
    assert_eq!(workspace.items().await, undisturbed().await);
}

/// The statement has no result, its answers are in `calls`.
#[tokio::test]
async fn a_query_that_asks_models_keeps_its_answers() {
    let (workspace, endpoint) = (Workspace::with_photos(), holding_after(3));
    let url = endpoint.base_url();
    let query = "SELECT source_id, llm_complete(concat('What is ', source_id, '?')) AS answer FROM samples ORDER BY source_id";
    let arguments = ["sql", query, "--output", "jsonl", "--model", "m", "--base-url", &url, "--concurrency", "2"];
    let stopping = Stopping::when(&workspace, &arguments, "INT", || endpoint.requests() == 5).await;
    endpoint.release();
    let (code, said) = stopping.end();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("stopped by Ctrl-C"), "{said}");
    assert_eq!(endpoint.requests(), 5, "nothing more was sent");
    assert_eq!(workspace.rows("SELECT request_id FROM calls WHERE error IS NULL").await.len(), 5);

    let run = workspace.run_with_key(&arguments, KEY).expect_code(0).expect_stderr(&["2 calls, 5 answers from earlier calls"]);
    assert_eq!(run.stdout.lines().count(), 7, "{run}");
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (7, 7));
}

/// The pipe stays open: a shell that waited for its next line once said that it stops, and waited on.
#[tokio::test]
async fn a_shell_that_waits_for_the_next_line_of_a_pipe_ends() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let mut command = workspace.spawn_to_talk(&["sql", "--model", "m", "--base-url", &endpoint.base_url()], KEY);
    let mut input = command.stdin.take().unwrap();
    writeln!(input, "SELECT llm_complete('What is it?');").unwrap();
    let mut said = BufReader::new(command.stderr.take().unwrap());
    wait_for(&mut said, "1 calls");
    send("INT", &command);
    let (code, said) = Stopping { command, said }.end();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("stopped by Ctrl-C"), "{said}");
    assert_eq!(workspace.rows("SELECT request_id FROM calls").await.len(), 1);
}

/// Ctrl-C at a terminal cancels a statement. Once that had happened, it did nothing to a shell that was left and waited for what the statement had
/// asked.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_shell_that_was_left_says_what_it_waits_for_and_ends() {
    const CTRL_C: &[u8] = b"\x03";
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::start(|_| Behaviour::Hang));
    let mut command = workspace.spawn_at_terminal(&["sql", "--model", "m", "--base-url", &endpoint.base_url()], KEY);
    let mut keys = command.stdin.take().unwrap();
    let mut shown = BufReader::new(command.stdout.take().unwrap());
    keys.write_all(b"SELECT llm_complete('What is it?');\r").unwrap();
    while endpoint.requests() == 0 {
        assert!(command.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::task::yield_now().await;
    }
    keys.write_all(CTRL_C).unwrap();
    wait_for(&mut shown, "cancelled");
    keys.write_all(b".exit\r").unwrap();
    wait_for(&mut shown, "waiting for calls that are on their way");
    keys.write_all(CTRL_C).unwrap();
    wait_for(&mut shown, "stopping");
    keys.write_all(CTRL_C).unwrap();
    wait_for(&mut shown, "stopped at once");
    assert_eq!(command.wait().unwrap().code(), Some(130));
}
