//! `mmevol dedup`: marks beside the dataset, what queries and exports make of them, and how they go away again.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use serde_json::{Value, json};

use crate::command::{Run, Workspace};

const CUP: [&str; 2] = [
    "What colour is the cup that stands on the table next to the spoon?",
    "The cup is white, it has a blue rim, and it stands on a brown saucer that is a little chipped.",
];

/// Four samples: an item with an equal one and a near one, each of another sample, and two items unlike all others.
fn with_copies() -> Workspace {
    let workspace = Workspace::new();
    let [question, answer] = CUP;
    let item = |question: &str, answer: &str| json!({ "question": question, "answer": answer, "objects": ["cup"], "skills": ["OCR"] });
    let samples = [
        vec![item(question, answer), item("How many spoons are there?", "There are two of them.")],
        vec![item(&question.to_uppercase(), &format!(" {answer}"))],
        vec![item(question, &answer.replace("saucer", "plate"))],
        vec![item("Who drinks the coffee?", "Nobody is to be seen.")],
    ];
    let seed =
        |(id, items): (usize, &Vec<Value>)| json!({ "id": format!("s{id}"), "image": format!("{id}.jpg"), "conversations_v0": items });
    let seeds: Vec<Value> = samples.iter().enumerate().map(seed).collect();
    workspace.write("seeds.json", json!(seeds).to_string());
    workspace.run(&["import", "seeds.json", "--allow-missing-images"]).expect_code(0);
    workspace
}

fn count(workspace: &Workspace, sql: &str) -> i64 {
    let run = workspace.run(&["sql", sql, "--output", "json"]).expect_code(0);
    let rows: Value = serde_json::from_str(&run.stdout).unwrap();
    rows[0].as_object().and_then(|row| row.values().next()).and_then(Value::as_i64).unwrap_or_else(|| panic!("{run}"))
}

fn marks(workspace: &Workspace, method: &str) -> i64 {
    count(workspace, &format!("SELECT count(*) AS n FROM duplicates WHERE method = '{method}'"))
}

fn report(run: Run) -> Value {
    let reports: Value = serde_json::from_str(&run.expect_code(0).stdout).unwrap();
    reports[0].clone()
}

/// The manifest of an export with these flags, and how many items it has.
fn exported(workspace: &Workspace, flags: &[&str]) -> (Value, u64) {
    workspace.run(&[&["export", "-o", "out.json", "--format", "llava", "--images", "none"], flags].concat()).expect_code(0);
    let manifest: Value = serde_json::from_slice(&fs::read(workspace.path("out.json.manifest.json")).unwrap()).unwrap();
    let instructions = manifest["instructions"].as_u64().unwrap();
    (manifest, instructions)
}

#[test]
fn a_dry_run_shows_and_marks_nothing() {
    let workspace = with_copies();
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    let run = workspace.run(&["dedup", "--dry-run"]).expect_code(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    workspace.assert_snapshot("dedup_dry_run", &run);
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog);
    workspace.run(&["dedup", "--dry-run", "--at", "before-run-1"]).expect_code(0).expect_stderr(&["compared 0 items"]);
    workspace.run(&["dedup", "--at", "run-1"]).expect_code(1).expect_stderr(&["--dry-run"]);
}

#[test]
fn marks_are_a_run_and_the_dataset_stays_what_it_is() {
    let workspace = with_copies();
    workspace.assert_snapshot("dedup", &workspace.run(&["dedup"]));
    assert_eq!(marks(&workspace, "near"), 3);
    assert_eq!(count(&workspace, "SELECT count(*) AS n FROM current"), 5);
    assert_eq!(count(&workspace, "SELECT count(*) AS n FROM without_duplicates"), 3);
    assert_eq!(count(&workspace, "SELECT count(*) AS n FROM runs WHERE command = 'dedup' AND run_id = 'run-2'"), 1);
    assert_eq!(count(&workspace, "SELECT count(*) AS n FROM table_at('duplicates', 'run-1')"), 0);
    workspace.run(&["check"]).expect_code(0);

    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    workspace.run(&["dedup"]).expect_code(0).expect_stderr(&["the marks are what they were"]);
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog, "nothing changed");
}

#[test]
fn a_method_replaces_its_own_marks_alone() {
    let workspace = with_copies();
    let near = report(workspace.run(&["dedup", "--output", "json"]));
    assert_eq!(
        (&near["compared"], &near["groups"], &near["duplicates"], &near["run_id"]),
        (&json!(5), &json!(1), &json!(2), &json!("run-2"))
    );
    let exact = report(workspace.run(&["dedup", "--method", "exact", "--output", "json"]));
    assert_eq!((&exact["duplicates"], &exact["threshold"]), (&json!(1), &json!(1.0)));
    assert_eq!((marks(&workspace, "near"), marks(&workspace, "exact")), (3, 2));
    // Only the equal ones are alike enough now.
    workspace.run(&["dedup", "--threshold", "0.99"]).expect_code(0);
    assert_eq!((marks(&workspace, "near"), marks(&workspace, "exact")), (2, 2));
    assert_eq!(count(&workspace, "SELECT count(*) AS n FROM duplicates WHERE method = 'near' AND threshold = 0.99"), 2);

    workspace.run(&["dedup", "--unmark", "--method", "near"]).expect_code(0).expect_stderr(&["took back 2 marks"]);
    assert_eq!((marks(&workspace, "near"), marks(&workspace, "exact")), (0, 2));
    workspace.run(&["dedup", "--unmark"]).expect_code(0).expect_stderr(&["nothing was marked"]);
    workspace.run(&["restore", "run-2"]).expect_code(0);
    assert_eq!((marks(&workspace, "near"), marks(&workspace, "exact")), (3, 0));
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn an_export_leaves_out_all_but_the_best_of_what_was_chosen() {
    let workspace = with_copies();
    let (manifest, instructions) = exported(&workspace, &["--without-duplicates"]);
    assert_eq!((instructions, &manifest["without_duplicates"]), (5, &json!({ "instructions": 0, "marks": [] })), "nothing is marked yet");
    workspace.run(&["dedup"]).expect_code(0);
    let (manifest, instructions) = exported(&workspace, &[]);
    assert_eq!((instructions, &manifest["without_duplicates"]), (5, &Value::Null));
    let (manifest, instructions) = exported(&workspace, &["--without-duplicates"]);
    let marks = json!([{ "method": "near", "threshold": 0.8, "model": null, "run_id": "run-2" }]);
    assert_eq!((instructions, &manifest["without_duplicates"]), (3, &json!({ "instructions": 2, "marks": marks })));
    // Where the representative is not chosen, another member stays.
    for sample in ["s0", "s1", "s2"] {
        let (_, instructions) = exported(
            &workspace,
            &["--without-duplicates", "--where", &format!("source_id <> '{sample}' AND lower(question) LIKE '%cup%'")],
        );
        assert_eq!(instructions, 1, "{sample}");
    }
    let (_, instructions) = exported(&workspace, &["--without-duplicates", "--at", "run-1"]);
    assert_eq!(instructions, 5, "nothing was marked then");
}

#[test]
fn chosen_items_are_compared_alone() {
    let workspace = with_copies();
    let all_but_first = report(workspace.run(&["dedup", "--where", "source_id <> 's0'", "--output", "json"]));
    assert_eq!((&all_but_first["compared"], &all_but_first["duplicates"]), (&json!(3), &json!(1)));
    // No two of these samples show the same image: each is missing another one.
    let same_image = report(workspace.run(&["dedup", "--same-image", "--dry-run", "--output", "json"]));
    assert_eq!((&same_image["compared"], &same_image["duplicates"]), (&json!(5), &json!(0)));
    workspace.run(&["dedup", "--where", "sauce = 1"]).expect_code(1).expect_stderr(&["--where", "sauce"]);
}

/// A missing image is told by its path.
#[test]
fn items_about_the_same_images_may_lack_them() {
    let workspace = Workspace::new();
    let asks = |question: &str| json!([{ "from": "human", "value": question }, { "from": "gpt", "value": "It is black." }]);
    let seeds = json!([
        { "id": "a", "image": "cats/1.jpg", "conversations": asks("What colour is the animal?") },
        { "id": "b", "image": "dogs/2.jpg", "conversations": asks("What colour is the animal?") },
        { "id": "c", "image": "cats/1.jpg", "conversations": asks("WHAT COLOUR is the animal?") },
    ]);
    workspace.write("seeds.json", seeds.to_string());
    workspace.run(&["import", "seeds.json", "--allow-missing-images"]).expect_code(0);
    for (flags, duplicates) in [(&["--same-image"][..], 1), (&[], 2)] {
        let report = report(workspace.run(&[&["dedup", "--method", "exact", "--dry-run", "--output", "json"][..], flags].concat()));
        assert_eq!((&report["compared"], &report["duplicates"]), (&json!(3), &json!(duplicates)), "{flags:?}");
    }
}

#[test]
fn wrong_arguments_are_explained() {
    let workspace = with_copies();
    workspace.run(&["dedup", "--method", "neer"]).expect_code(1).expect_stderr(&["did you mean 'near'"]);
    workspace.run(&["dedup", "--threshold", "80"]).expect_code(1).expect_stderr(&["--threshold", "at most 1"]);
    workspace.run(&["dedup", "--method", "exact", "--threshold", "0.5"]).expect_code(1).expect_stderr(&["its threshold is 1"]);
    workspace.run(&["dedup", "--embedding", "lexical"]).expect_code(1).expect_stderr(&["--method semantic"]);
    workspace.run(&["dedup", "--unmark", "--dry-run"]).expect_code(1);
    Workspace::new().run(&["dedup"]).expect_code(1).expect_stderr(&["there is no store"]);
}

#[test]
fn items_without_an_embedding_are_counted() {
    let workspace = with_copies();
    let run = workspace.run(&["dedup", "--method", "semantic"]).expect_code(0);
    run.expect_stderr(&["compared 0 items", "5 items have no embedding by 'lexical'", "mmevol embed --model lexical"]);
    let vectors = "INSERT INTO embeddings (instruction_id, model, content, text_hash, vector, run_id, created_at) SELECT instruction_id, 'toy' AS model, \
                   'question' AS content, 'x' AS text_hash, arrow_cast([1.0, 2.0], 'List(Float32)') AS vector, 'run-2' AS run_id, now() AS created_at \
                   FROM instructions";
    workspace.run(&["sql", vectors]).expect_code(0);
    // The one model that has vectors need not be named.
    for named in [&["--embedding", "toy"][..], &[]] {
        let report = report(workspace.run(&[&["dedup", "--method", "semantic", "--dry-run", "--output", "json"][..], named].concat()));
        assert_eq!((&report["compared"], &report["duplicates"], &report["left_out"]), (&json!(5), &json!(4), &json!(0)));
        assert_eq!(report["model"], json!("toy"));
    }
    workspace.run(&["dedup", "--method", "semantic"]).expect_code(0);
    assert_eq!(count(&workspace, "SELECT count(*) AS n FROM duplicates WHERE method = 'semantic' AND model = 'toy'"), 5);
}

/// A mistyped model has no vectors, so nothing would be alike: its marks would be gone.
#[test]
fn a_model_without_vectors_is_no_reason_to_take_marks_back() {
    let workspace = with_copies();
    workspace.run(&["embed"]).expect_code(0);
    let semantic = ["dedup", "--method", "semantic"];
    workspace.run(&semantic).expect_code(0).expect_stderr(&["by method semantic, vectors of 'lexical', at 0.9"]);
    let before = marks(&workspace, "semantic");
    assert!(before > 0);
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    for more in [&["--embedding", "lexicle"][..], &["--embedding", "lexicle", "--dry-run"]] {
        workspace
            .run(&[&semantic[..], more].concat())
            .expect_code(1)
            .expect_stderr(&["--embedding: no instruction has a vector of model 'lexicle'", "did you mean 'lexical'?"]);
    }
    assert_eq!((marks(&workspace, "semantic"), fs::read(workspace.store().join("catalog.json")).unwrap()), (before, catalog));
}

#[test]
fn marks_that_are_taken_back_are_not_called_made() {
    let workspace = with_copies();
    let none = ["dedup", "--where", "round = 7"];
    let run = workspace.run(&none).expect_code(0).expect_stderr(&["compared 0 items", "nothing to mark"]);
    assert!(!run.stderr.contains("marked as"), "{run}");
    workspace.run(&["dedup"]).expect_code(0);
    let run = workspace.run(&none).expect_code(0).expect_stderr(&["took back 3 marks of method near as run-3"]);
    assert!(!run.stderr.contains("marked as") && !run.stderr.contains("--unmark"), "{run}");
    assert_eq!(marks(&workspace, "near"), 0);
    assert_eq!(report(workspace.run(&["dedup", "--output", "json"]))["unmarked"], json!(0));
    assert_eq!(report(workspace.run(&[&none[..], &["--output", "json"]].concat()))["unmarked"], json!(3));
}

/// Images: coffee, a small copy of it, and a rocket.
fn with_a_smaller_copy() -> Workspace {
    let workspace = Workspace::new();
    let photo = |name: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/seeds/images/{name}.jpg"))).unwrap();
    let coffee = image::load_from_memory(&photo("coffee")).unwrap();
    let smaller = coffee.resize_exact(coffee.width() / 2, coffee.height() / 2, image::imageops::FilterType::Triangle);
    let mut copy = Vec::new();
    JpegEncoder::new_with_quality(&mut copy, 60).encode_image(&smaller).unwrap();
    workspace.write("images/small.jpg", copy);
    workspace.write("images/coffee.jpg", photo("coffee"));
    workspace.write("images/rocket.jpg", photo("rocket"));
    workspace
}

#[test]
fn images_that_look_alike_take_their_samples_with_them() {
    let workspace = with_a_smaller_copy();
    let item = |question: &str| json!([{ "question": question, "answer": "Yes.", "objects": ["thing"], "skills": ["OCR"] }]);
    let seeds = json!([
        { "id": "a", "image": "small.jpg", "conversations_v0": item("Is it small?") },
        { "id": "b", "image": "coffee.jpg", "conversations_v0": item("Is it coffee?") },
        { "id": "c", "image": "rocket.jpg", "conversations_v0": item("Does it fly?") },
    ]);
    workspace.write("seeds.json", seeds.to_string());
    workspace.run(&["import", "seeds.json", "--images", "images"]).expect_code(0);
    workspace.assert_snapshot("dedup_images", &workspace.run(&["dedup", "--method", "image"]));
    let (_, instructions) = exported(&workspace, &["--without-duplicates"]);
    assert_eq!(instructions, 2);
    assert_eq!(
        count(&workspace, "SELECT count(*) AS n FROM without_duplicates WHERE question LIKE 'Is it coffee%'"),
        1,
        "more pixels stay"
    );
    // Without the sample of the better copy, that of the other one stays.
    let (_, instructions) = exported(&workspace, &["--without-duplicates", "--where", "source_id <> 'b'"]);
    assert_eq!(instructions, 2);
    workspace.run(&["check"]).expect_code(0);
}

/// An item that is left out because of its picture stood in the place of one of equal text, and one that is left out because of its text in the place of
/// a picture: both were gone.
#[test]
fn what_is_marked_by_image_and_by_text_stays_once() {
    let workspace = with_a_smaller_copy();
    let seed = |id: String, image: &str, question: String| {
        json!({ "id": id, "image": image, "conversations": [
            { "from": "human", "value": format!("<image>\n{question}") }, { "from": "gpt", "value": "Yes." }
        ] })
    };
    // Which of two is the better one is told by their ids, so that there are some of each kind.
    let mut seeds = vec![seed("best".into(), "coffee.jpg", "Is it drunk?".into())];
    for number in 0..6 {
        let question = format!("Is it number {number}?");
        seeds.push(seed(format!("copy{number}"), "small.jpg", question.clone()));
        seeds.push(seed(format!("other{number}"), "rocket.jpg", question));
        seeds.push(seed(format!("same{number}"), "rocket.jpg", "Is it drunk?".into()));
    }
    workspace.write("seeds.json", json!(seeds).to_string());
    workspace.run(&["import", "seeds.json", "--images", "images"]).expect_code(0);
    workspace.run(&["dedup", "--method", "image"]).expect_code(0).expect_stderr(&["1 duplicates in 1 groups"]);
    workspace.run(&["dedup", "--method", "exact"]).expect_code(0).expect_stderr(&["12 duplicates in 7 groups"]);
    let (manifest, instructions) = exported(&workspace, &["--without-duplicates"]);
    assert_eq!((instructions, &manifest["without_duplicates"]["instructions"]), (7, &json!(12)));
    let stays = "FROM without_duplicates w JOIN samples s USING (sample_id) WHERE s.source_id";
    assert_eq!(
        count(&workspace, &format!("SELECT count(*) AS n {stays} LIKE 'other%'")),
        6,
        "the pictures of their better ones are copies"
    );
    assert_eq!(count(&workspace, &format!("SELECT count(*) AS n {stays} = 'best'")), 1, "it is in the place of the copies");
}

/// Of three items in order, the first two are marked by one method and the last two by the other.
#[test]
fn marks_of_two_methods_lose_no_group() {
    for (near, semantic, stays) in [([1, 2], [2, 3], [true, false, true]), ([2, 3], [1, 2], [false, true, false])] {
        let workspace = with_copies();
        for (method, [first, second]) in [("near", near), ("semantic", semantic)] {
            let marks = format!(
                "INSERT INTO duplicates (method, threshold, group_id, member_id, representative_id, similarity, run_id, created_at) \
                 SELECT '{method}' AS method, 0.8 AS threshold, '{method}' AS group_id, instruction_id AS member_id, 'gone' AS representative_id, \
                 0.9 AS similarity, 'by-hand' AS run_id, now() AS created_at \
                 FROM (SELECT instruction_id, row_number() OVER (ORDER BY instruction_id) AS place FROM current) WHERE place IN ({first}, {second})"
            );
            workspace.run(&["sql", &marks]).expect_code(0);
        }
        for (place, stays) in (1..).zip(stays) {
            let sql = format!(
                "SELECT count(*) AS n FROM (SELECT instruction_id, row_number() OVER (ORDER BY instruction_id) AS place FROM current) \
                 WHERE place = {place} AND instruction_id IN (SELECT instruction_id FROM without_duplicates)"
            );
            assert_eq!(count(&workspace, &sql), i64::from(stays), "item {place} with near {near:?} and semantic {semantic:?}");
        }
    }
}

/// It may be unlike anything.
#[test]
fn a_sample_with_an_image_that_is_missing_stays() {
    let workspace = with_a_smaller_copy();
    let asks = |question: &str| json!([{ "from": "human", "value": question }, { "from": "gpt", "value": "Colour." }]);
    let seeds = json!([
        { "id": "p", "image": ["coffee.jpg"], "conversations": asks("<image>\nWhat is it?") },
        { "id": "q", "image": ["small.jpg", "gone.jpg"], "conversations": asks("<image>\n<image>\nWhat differs between the two?") },
    ]);
    workspace.write("seeds.json", seeds.to_string());
    workspace.run(&["import", "seeds.json", "--images", "images", "--allow-missing-images"]).expect_code(0);
    workspace.run(&["dedup", "--method", "image"]).expect_code(0).expect_stderr(&["1 duplicates in 1 groups"]);
    assert_eq!(exported(&workspace, &["--without-duplicates"]).1, 2);
    let stats = report(workspace.run(&["stats", "--section", "duplicates", "--output", "json"]));
    assert!(stats.to_string().contains("\"duplicates\":0"), "{stats:#}");
}
