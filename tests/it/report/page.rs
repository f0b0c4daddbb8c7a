//! `mmevol report`: what the page holds. How it looks is checked in a browser (`tests/browser`).

use std::collections::BTreeSet;
use std::fs;

use mmevol::import::MissingImages;
use mmevol::report::{Report, Selection};
use mmevol::{Import, Session};
use regex::Regex;
use serde_json::{Value, json};

use super::{empty_store, evolved_photos};
use crate::command::Workspace;
use crate::stores::TestStore;

async fn page(test: &TestStore, report: impl FnOnce(Report) -> Report) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/report.html");
    report(Report::new(&path)).write(&test.store).await.unwrap();
    fs::read_to_string(path).unwrap()
}

/// What must hold of every page.
fn assert_sound(page: &str) {
    // Any three letters may stand in the encoded bytes of a photo.
    let words = Regex::new("data:image/jpeg;base64,[A-Za-z0-9+/=]*").unwrap().replace_all(page, "");
    assert!(!words.contains("NaN") && !words.contains("Infinity"), "a number is none");
    assert!(!page.contains("<script"), "a script");
    let addresses = Regex::new(r#"(?:href|src|action|data)="([^"]*)"|url\(|@import"#).unwrap();
    let outside: Vec<&str> = addresses
        .captures_iter(page)
        .map(|found| found.get(1).map_or("url", |address| address.as_str()))
        .filter(|address| !address.starts_with('#') && !address.starts_with("data:image/jpeg;base64,"))
        .collect();
    assert!(outside.is_empty(), "the page reaches outside: {outside:?}");
    let ids: Vec<&str> = Regex::new(r#" id="([^"]+)""#).unwrap().captures_iter(page).map(|found| found.get(1).unwrap().as_str()).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id is there twice: {ids:?}");
    let links = Regex::new(r##"href="#([^"]+)""##).unwrap();
    assert!(links.captures_iter(page).all(|link| ids.contains(&link.get(1).unwrap().as_str())), "a link leads nowhere");
    let figures = page.matches("<figure ").count();
    assert!(figures >= 18, "only {figures} figures");
    let said =
        page.matches("<svg ").count() + page.matches("<p class=\"absent\">").count() + page.matches("<div class=\"rows\"><table>").count();
    assert!(said >= figures, "a figure says nothing");
    // Each figure has its SQL, and each picture its text.
    assert_eq!(page.matches("<summary>sql/report/").count(), figures + 1, "the examples have theirs too");
    assert_eq!(page.matches("role=\"img\"").count(), page.matches("<desc ").count());
}

#[tokio::test]
async fn of_an_evolved_store_draws_every_picture() {
    let test = evolved_photos().await;
    let page = page(&test, |report| report.title("Seven <photos> & \"more\"")).await;
    assert_sound(&page);
    assert!(page.contains("<h1>Seven &lt;photos&gt; &amp; &quot;more&quot;</h1>"));
    for id in [
        "items",
        "flow",
        "score_distribution",
        "verdicts",
        "skills_per_item",
        "steps_per_item",
        "rank_frequency_object",
        "objects",
        "formats",
    ] {
        let figure = page.split(&format!("<figure id=\"{id}\">")).nth(1).and_then(|rest| rest.split("</figure>").next());
        assert!(figure.is_some_and(|figure| figure.contains("<svg ")), "{id} drew nothing");
    }
    assert!(page.contains("src=\"data:image/jpeg;base64,"), "no picture of an example");
    let chains: Vec<usize> =
        page.split("<ol class=\"chain\">").skip(1).map(|chain| chain.split("</ol>").next().unwrap().matches("<li>").count()).collect();
    assert!(!chains.is_empty() && chains.contains(&3), "no chain from a seed to round 2: {chains:?}");
}

#[tokio::test]
async fn of_stores_with_little_or_nothing_says_so() {
    for test in [empty_store().await, TestStore::with_items(&[1]).await] {
        let page = page(&test, |report| report).await;
        assert_sound(&page);
        assert!(page.contains("No item has a score.") && page.contains("No evolved item was kept."));
    }
}

/// Seeds, and rounds that came finished, with everything that could leave its place on a page.
#[tokio::test]
async fn holds_no_text_of_the_data_as_markup() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover=\"x' &amp; \u{0}\u{1}\u{202e}";
    let item = |question: String| {
        json!({
            "question": question, "answer": hostile, "objects": [hostile, "</svg><script>"], "skills": ["<b>OCR</b>"], "format": hostile,
            "steps": [{ "manipulation": hostile, "description": hostile }], "score": 7
        })
    };
    let samples = json!([{
        "id": hostile, "hash_id": hostile, "image": "none.jpg",
        "conversations_v0": [item(hostile.to_owned())], "conversations_v1": [item(format!("{hostile} {}", "long ".repeat(20_000)))]
    }]);
    let seeds = folder.path().join("seeds.json");
    fs::write(&seeds, samples.to_string()).unwrap();
    let test = TestStore::empty().await;
    Import::new(&seeds).missing_images(MissingImages::Allow).run(&test.store).await.unwrap();
    let page = page(&test, |report| report.title(hostile)).await;
    assert_sound(&page);
    // As the data has it: a picture of the page itself ends before the tag that holds it.
    for markup in ["<img src=x", "<b>OCR", "</svg><script"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.len() < 400_000, "a question of 100 kB is shown whole: {} bytes", page.len());
}

/// What is wider than a phone, what is empty, and what is written from right to left.
#[tokio::test]
async fn bears_any_text() {
    let folder = tempfile::tempdir().unwrap();
    let item = |question: &str, format: &str| json!({ "question": question, "answer": "نعم", "objects": [], "skills": ["OCR"], "format": format, "steps": [] });
    let samples = json!([{
        "id": "one", "image": "none.jpg",
        "conversations_v0": [item("What?", &"a".repeat(60))], "conversations_v1": [item("ما هذا؟", "")]
    }]);
    let seeds = folder.path().join("seeds.json");
    fs::write(&seeds, samples.to_string()).unwrap();
    let test = TestStore::empty().await;
    Import::new(&seeds).missing_images(MissingImages::Allow).run(&test.store).await.unwrap();
    let page = page(&test, |report| report).await;
    assert_sound(&page);
    assert!(page.contains("<p class=\"question\" dir=\"auto\">ما هذا؟</p>") && page.contains("<p class=\"answer\" dir=\"auto\">نعم</p>"));
    assert!(!page.contains("<p class=\"how\"> ·") && page.contains("<p class=\"how\">OCR"), "a dot stands between two things");
    assert!(page.contains(".legend li { min-width: 0; overflow-wrap: anywhere; }"));
}

/// A store of one sample with the items of its seed and of one round that came finished.
async fn imported(seed: &[Value], evolved: &[Value]) -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let samples = json!([{ "id": "one", "image": "none.jpg", "conversations_v0": seed, "conversations_v1": evolved }]);
    let seeds = folder.path().join("seeds.json");
    fs::write(&seeds, samples.to_string()).unwrap();
    let test = TestStore::empty().await;
    Import::new(&seeds).missing_images(MissingImages::Allow).run(&test.store).await.unwrap();
    test
}

fn item(question: &str, objects: &[String]) -> Value {
    json!({ "question": question, "answer": "Yes.", "objects": objects, "skills": objects, "format": "Norm", "steps": [] })
}

/// The part of the page that is one figure.
#[track_caller]
fn figure<'a>(page: &'a str, id: &str) -> &'a str {
    let rest = page.split(&format!("<figure id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("there is no figure {id}"));
    rest.split("</figure>").next().unwrap_or(rest)
}

/// A verb's area is of all its objects, also of those that have none of their own.
#[tokio::test]
async fn counts_every_object_of_a_verb() {
    let nouns = ["dog", "cat", "horse", "bird", "car", "bus", "boat", "chair"];
    let described = nouns.iter().map(|noun| item(&format!("Describe the {noun}."), &[]));
    let counted = (0..7).map(|_| item("Count the dogs.", &[]));
    let test = imported(&described.chain(counted).collect::<Vec<_>>(), &[item("Draw the dog.", &[])]).await;
    let page = page(&test, |report| report).await;
    assert_sound(&page);
    let drawn = figure(&page, "verbs_seed");
    for tip in ["describe: 8 (53%)", "describe other: 2 (13%)", "count: 7 (47%)", "count dog: 7 (47%)"] {
        assert!(drawn.contains(tip), "{tip}\n{drawn}");
    }
}

/// More pairs of seeds than anybody reads, and one of what was evolved, which is the last of all by the alphabet.
#[tokio::test]
async fn draws_a_rare_pair_beside_many() {
    let verbs = [
        "Describe", "Count", "Draw", "Find", "Explain", "Compare", "Identify", "List", "Paint", "Sketch", "Move", "Clean", "Wash", "Carry",
        "Push", "Pull", "Lift", "Drop", "Hold", "Mention",
    ];
    let nouns = [
        "dog", "cat", "horse", "cow", "bird", "car", "bus", "train", "boat", "chair", "table", "bench", "book", "clock", "vase", "cup",
        "fork", "spoon", "bowl", "knife",
    ];
    let seed: Vec<Value> = verbs.iter().flat_map(|verb| nouns.iter().map(move |noun| item(&format!("{verb} the {noun}."), &[]))).collect();
    let test = imported(&seed, &[item("Write the story.", &[])]).await;
    let pairs = super::rows(&test.store, None, "verbs").await;
    assert!(pairs.len() > 300, "{} pairs", pairs.len());
    let page = page(&test, |report| report).await;
    assert_sound(&page);
    let drawn = figure(&page, "verbs_evolved");
    assert!(drawn.contains("write story: 1 (100%)") && !drawn.contains("No kept question has a verb"), "{drawn}");
}

/// One item that names hundreds of things hides no name that half of the seeds have.
#[tokio::test]
async fn draws_names_that_are_common_in_either_stage() {
    let things: Vec<String> = (0..1_100).map(|number| format!("thing {number}")).collect();
    let seed = ["dog".to_owned(), "cat".to_owned()].map(|name| item("What is there?", &[name]));
    let test = imported(&seed, &[item("What is there now?", &things)]).await;
    for section in ["objects", "skills"] {
        let rows = super::rows(&test.store, None, section).await;
        assert_eq!(rows.len(), things.len() + 2, "{section}");
    }
    let page = page(&test, |report| report).await;
    for id in ["objects", "skills"] {
        let drawn = figure(&page, id);
        assert!(drawn.contains("dog") && drawn.contains("cat"), "{drawn}");
    }
}

#[tokio::test]
async fn follows_a_predicate() {
    let test = evolved_photos().await;
    let predicate = "operator = 'interaction' OR round = 0";
    let selection = Selection { predicate: Some(predicate.to_owned()), at: None };
    let page = page(&test, |report| report.selection(selection)).await;
    assert_sound(&page);
    assert!(
        page.contains("operator = &#x27;interaction&#x27; OR round = 0") || page.contains("operator = &#39;interaction&#39; OR round = 0")
    );
    assert!(!page.contains("<figure id=\"calls\">"));
    assert!(page.contains("which chooses the same items"));
    // The SQL of a figure, and that of the examples, which has a WITH of its own.
    let statements = Regex::new(r"(?s)<pre>(.*?)</pre>").unwrap();
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    for statement in statements.captures_iter(&page).map(|found| found.get(1).unwrap().as_str()) {
        let sql = ["&lt;", "&gt;", "&quot;", "&#x27;", "&#39;", "&#x2f;", "&amp;"].iter().zip(["<", ">", "\"", "'", "'", "/", "&"]);
        let sql = sql.fold(statement.to_owned(), |sql, (escaped, plain)| sql.replace(escaped, plain));
        session.collect(&sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        assert!(!sql.contains("_facts") || sql.contains(predicate), "{sql}");
    }
}

/// Rows inserted by hand: one that is its own parent, and two that are each other's. Their lines end all the same.
#[tokio::test]
async fn of_items_that_descend_from_themselves_ends() {
    let test = evolved_photos().await;
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    let insert = "INSERT INTO instructions (instruction_id, sample_id, parent_id, round, position, question, answer, format, status, run_id, created_at) \
                  SELECT id AS instruction_id, \
                  CASE id WHEN 'itself' THEN (SELECT max(sample_id) FROM samples) ELSE (SELECT min(sample_id) FROM samples) END AS sample_id, \
                  parent AS parent_id, CAST(round AS INT) AS round, 1 AS position, concat('Is it ', id, '?') AS question, 'Yes.' AS answer, \
                  'Norm' AS format, 'kept' AS status, 'by-hand' AS run_id, now() AS created_at \
                  FROM (SELECT 'itself' AS id, 'itself' AS parent, 4 AS round UNION ALL SELECT 'one', 'other', 5 UNION ALL SELECT 'other', 'one', 6)";
    session.collect(insert).await.unwrap();
    let page = page(&test, |report| report).await;
    assert_sound(&page);
    let line = |question: &str| {
        let line = page.split("<ol class=\"chain\">").skip(1).find(|line| line.contains(question)).unwrap();
        line.split("</ol>").next().unwrap().matches("<li>").count()
    };
    assert_eq!((line("Is it itself?"), line("Is it other?")), (1, 2));
}

#[tokio::test]
async fn of_an_earlier_state_says_that_its_sql_tells_the_present_one() {
    let test = evolved_photos().await;
    let page = page(&test, |report| report.selection(Selection { predicate: None, at: Some("run-1".to_owned()) })).await;
    assert_sound(&page);
    assert!(page.contains("-- Of state run-1;") && page.contains("mmevol stats --at run-1") && !page.contains("runs as it stands"));
}

#[test]
fn command_says_what_it_wrote() {
    let workspace = Workspace::with_photos();
    workspace.run(&["report", "-o", "page.html", "--title", "Photos"]).expect_code(0).expect_stderr(&["wrote page.html:", "pictures"]);
    assert!(fs::read_to_string(workspace.path("page.html")).unwrap().contains("<title>Photos</title>"));
    workspace.run(&["report", "--where", "nothing = 1"]).expect_code(1).expect_stderr(&["--where"]);
    assert!(!workspace.path("report.html").exists());
    Workspace::new().run(&["report"]).expect_code(1).expect_stderr(&["there is no store"]);
}
