//! What a query says of its calls: which were made, which failed, and that nothing keeps their answers.

use std::io::{BufRead, BufReader};

use serde_json::json;

use crate::command::Workspace;
use crate::endpoint::{Behaviour, Endpoint, prompt_of};
use crate::stores::KEY;

/// A command that waits ever longer for a proxy to find its backend says what it waits for.
#[test]
fn a_backend_that_is_not_there_is_told_of_while_it_is_tried_again() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::start(|_| Behaviour::error(503, "no backend.")));
    let url = endpoint.base_url();
    let query = "SELECT llm_complete(concat('q', value)) FROM generate_series(1, 3)";
    let mut command = workspace.spawn_to_listen(&["sql", query, "--model", "m", "--base-url", &url], KEY);
    let (mut lines, mut said) = (BufReader::new(command.stderr.take().unwrap()), String::new());
    while !said.contains("answers 503") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "it ended without a word: {said}");
    }
    command.kill().unwrap();
    command.wait().unwrap();
    let warning = format!("model 'm' at {url} answers 503 Service Unavailable: no backend; trying again");
    assert!(said.contains(&warning), "{said}");
}

/// What a command says that asks an endpoint without a store.
const NOT_KEPT: &str = "no store at 'mmevol-store': answers are not kept after this command\n";

/// A mistyped name of a store once cost all answers of a query, without a word.
#[test]
fn a_store_that_is_not_there_is_told_of_before_anything_is_paid_for() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::start(|body| Behaviour::reply(prompt_of(body).to_uppercase())));
    let url = endpoint.base_url();
    let ask = ["sql", "SELECT llm_complete('q1')", "--model", "m", "--base-url", &url];
    let refused = workspace.run_with_key(&[&["--store", "typo-store"][..], &ask].concat(), KEY).expect_code(1);
    refused.expect_stderr(&["error: --store typo-store: there is no store", "hint: create it with 'mmevol import PATH'"]);
    assert_eq!(endpoint.requests(), 0);
    let run = workspace.run_with_key(&ask, KEY).expect_code(0);
    assert!(run.stderr.starts_with(NOT_KEPT), "{run}");
    assert_eq!(endpoint.requests(), 1);
    let free = ["--store", "typo-store", "sql", "SELECT cardinality(llm_embed('a dog'))", "--model", "rules"];
    let run = workspace.run(&free).expect_code(0);
    assert!(!run.stderr.contains("not kept"), "{run}");
}

/// A request that was refused is no call, and may be paid for like one.
#[test]
fn what_failed_and_was_paid_for_is_counted_with_the_requests() {
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": 2 });
    let endpoint = Endpoint::start(move |body| match prompt_of(body) {
        "refused" => {
            let message = json!({ "role": "assistant", "content": null, "refusal": "no" });
            Behaviour::Json(json!({ "choices": [{ "message": message, "finish_reason": "stop" }], "usage": usage }))
        }
        prompt => Behaviour::reply(prompt.to_uppercase()),
    });
    let (workspace, url) = (Workspace::new(), endpoint.base_url());
    let ask = "SELECT llm_complete('first'); SELECT llm_complete('refused')";
    let run = workspace.run_with_key(&["sql", ask, "--model", "m", "--base-url", &url], KEY).expect_code(0);
    run.expect_stderr(&[
        "1 calls, 0 answers from earlier calls, 1 failed; 17 + 7 tokens\n",
        "the price of 2 of these requests is not known\n",
    ]);
}

#[test]
fn sql_says_what_was_asked_and_why_values_are_missing() {
    let workspace = Workspace::new();
    let endpoint = Endpoint::start(|body| match prompt_of(body) {
        "q3" | "q4" => Behaviour::error(400, "not this one"),
        prompt => Behaviour::reply(prompt.to_uppercase()),
    });
    let url = endpoint.base_url();
    let sql = |query: &str| {
        let model = ["--model", "gpt-4o-mini", "--base-url", &url, "--concurrency", "1", "--output", "csv"];
        workspace.run_with_key(&[&["sql", query], &model[..]].concat(), KEY).expect_code(0)
    };
    let rows = "FROM generate_series(1, 4) AS t(id)";
    // Rows ask in any order, and an endpoint that refuses whatever it is asked first is not asked again.
    let first = "SELECT llm_complete('q0') AS first; SELECT";
    let run = sql(&format!("{first} llm_complete('q' || id) AS a {rows}"));
    assert!(run.stdout.ends_with("a\nQ1\nQ2\n\"\"\n\"\"\n"), "{run}");
    run.expect_stderr(&[
        "3 calls, 0 answers from earlier calls, 2 failed; 30 + 15 tokens, $0.0000\n",
        "2 values are NULL: no answer of use came back\n",
        "the commonest error, 2 times: bad_request: 400 Bad Request: not this one\n",
        "try_llm_",
    ]);
    let run = sql(&format!("{first} try_llm_complete('q' || id)['error_kind'] AS e {rows}"));
    assert!(run.stderr.contains("2 failed") && !run.stderr.contains("NULL"), "the rows say it themselves\n{run}");
    let run = sql("SELECT llm_complete('q1') AS a, llm_complete('q1', sample => NULL) AS b; SELECT llm_complete('q1')");
    assert!(run.stderr.contains("1 calls, 1 answers from earlier calls, 1 shared a call in flight, 0 failed"), "{run}");
    let run = sql("SELECT 1; EXPLAIN SELECT llm_complete('q1')");
    assert_eq!(run.stderr, NOT_KEPT, "nothing was asked");
}

#[test]
fn a_shell_says_it_of_each_statement() {
    let workspace = Workspace::new();
    let endpoint = Endpoint::start(|body| match prompt_of(body) {
        "refused" => Behaviour::error(400, "not this one"),
        prompt => Behaviour::reply(prompt.to_uppercase()),
    });
    let url = endpoint.base_url();
    let shell = |input: &str| workspace.run_with_input(&["sql", "--model", "gpt-4o-mini", "--base-url", &url], input).expect_code(0).stderr;
    let several = shell("SELECT llm_complete('one') AS a;\nSELECT 1 AS n;\nSELECT llm_complete('refused') AS a;\nSELECT 2 AS n;\n");
    let expected = "no store at 'mmevol-store': answers are not kept after this command\n\
                    1 row\n\
                    1 calls, 0 answers from earlier calls, 0 failed; 10 + 5 tokens, $0.0000\n\
                    1 row\n\
                    1 row\n\
                    0 calls, 0 answers from earlier calls, 1 failed; 0 + 0 tokens, $0.0000\n\
                    1 values are NULL: no answer of use came back\n\
                    the commonest error, 1 times: bad_request: 400 Bad Request: not this one\n\
                    hint: the try_llm_... functions say why, row by row\n\
                    1 row\n\
                    in all: 1 calls, 0 answers from earlier calls, 1 failed; 10 + 5 tokens, $0.0000\n";
    assert_eq!(several, expected);
    // Not said again at the end.
    let one = shell("SELECT llm_complete('two') AS a;\n");
    assert_eq!(one, NOT_KEPT.to_owned() + "1 row\n1 calls, 0 answers from earlier calls, 0 failed; 10 + 5 tokens, $0.0000\n");
}

/// They were answered and paid for, so that nothing else tells of them.
#[test]
fn answers_of_no_use_are_told_where_no_row_shows_them() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::start(|_| Behaviour::reply("GARBAGE")));
    let url = endpoint.base_url();
    let query = "SELECT count(*) AS n FROM generate_series(1, 3) WHERE try_llm_filter(concat('Is it ', value, '?'))['value']";
    let run = workspace.run_with_key(&["sql", query, "--model", "m", "--base-url", &url, "--output", "csv"], KEY).expect_code(0);
    assert_eq!((run.stdout.as_str(), endpoint.requests()), ("n\n0\n", 6), "{run}");
    run.expect_stderr(&[
        "6 calls, 0 answers from earlier calls, 0 failed",
        "3 values of try_llm_... hold an error: no answer of use came back\n",
        "the commonest error, 3 times: unusable_answer: the answer is not ",
    ]);
}
