//! Models that cannot answer.

use super::*;

/// Nothing of the failed command is in the store.
#[track_caller]
fn assert_unchanged(workspace: &Workspace) {
    let counts = "SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM calls) AS calls, (SELECT count(*) FROM evolutions) AS evolutions";
    let run = workspace.run(&["sql", counts, "--output", "csv"]);
    assert_eq!(run.stdout, "runs,calls,evolutions\n1,0,0\n", "{run}");
}

#[test]
fn no_key_for_an_endpoint_that_wants_one() {
    let workspace = Workspace::with_photos();
    assert_refused(
        &workspace.run(&["evolve", "--model", "gpt-4o-mini"]),
        &["gpt-4o-mini", "https://api.openai.com", "OPENAI_API_KEY is not set", "--model rules"],
    );
    let endpoint = Endpoint::sequence(vec![Behaviour::error(401, &format!("Incorrect API key provided: {KEY}"))]);
    let evolve = ["evolve", "--model", "gpt-4o-mini", "--base-url", &endpoint.base_url()];
    assert_refused(&workspace.run(&evolve), &["401", "set OPENAI_API_KEY"]);
    let run = workspace.run_with_key(&evolve, KEY);
    assert_refused(&run, &["401", "Check the key in OPENAI_API_KEY"]);
    assert!(!run.stderr.contains(KEY), "the key is printed\n{run}");
    assert_unchanged(&workspace);
}

#[test]
fn a_wrong_model_name() {
    let workspace = Workspace::with_photos();
    let refuse = |_: &Value| Behaviour::error(404, "The model `gpt-4o-mimi` does not exist");
    let endpoint = Endpoint::start_with_models(refuse, &["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"]);
    let run = workspace.run(&["evolve", "--model", "gpt-4o-mimi", "--base-url", &endpoint.base_url()]);
    assert_refused(&run, &["gpt-4o-mimi", "404", "gpt-4o-mini"]);
    assert_unchanged(&workspace);
}

/// A timeout of nothing was once one second, in silence.
#[test]
fn a_limit_that_allows_nothing() {
    let workspace = workspace();
    for flag in ["--timeout", "--concurrency", "--rpm", "--tpm", "--max-tokens"] {
        let run = workspace.run(&["evolve", "--model", "m", flag, "0"]);
        assert_refused(&run, &[&format!("invalid value '0' for '{flag} <")]);
    }
}

#[test]
fn an_endpoint_that_is_down() {
    let workspace = Workspace::with_photos();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/v1");
    let run = workspace.run(&["evolve", "--model", "m", "--base-url", &url]);
    assert_refused(&run, &[&url, "cannot connect", "Is the server running"]);
    assert_unchanged(&workspace);
    assert_refused(&workspace.run(&["evolve", "--model", "m", "--base-url", "localhost:8000"]), &["--base-url"]);
}
