//! Exports of what is not plain: images that are not there, targets that are no files, tags inside of texts.

mod fine_tuning;
mod image_names;
mod manifests;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::command::{Workspace, bundled_seeds};
use crate::endpoint::Endpoint;
use crate::stores::KEY;

fn seeds(workspace: &Workspace, records: Value) {
    workspace.write("seeds.json", records.to_string());
    workspace.run(&["import", "seeds.json", "--allow-missing-images"]).expect_code(0);
}

fn item(question: &str, answer: &str) -> Value {
    json!({ "question": question, "answer": answer })
}

/// Whoever has the files elsewhere gets records that name them, and no record about an image loses it in silence.
#[test]
fn images_that_were_missing_keep_their_paths() {
    let workspace = Workspace::new();
    seeds(&workspace, json!([{ "id": "a", "image": ["coco/1.jpg", "coco/2.jpg"], "conversations_v0": [item("What is it?", "A dog.")] }]));
    for format in ["llava", "messages", "openai", "mmevol", "parquet"] {
        let run = workspace.run(&["export", "-o", format, "--format", format, "--report", "json"]).expect_code(0);
        let manifest: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&manifest[0]["images"], &manifest[0]["missing_images"]), (&json!(0), &json!(2)), "{format}");
        if format != "parquet" {
            let text = fs::read_to_string(workspace.path(format)).unwrap();
            assert!(text.contains("coco/1.jpg") && text.contains("coco/2.jpg"), "{format}: {text}");
        }
        if format != "openai" {
            let named = if format == "parquet" { "parquet" } else { format };
            let import = ["--store", &format!("from-{format}"), "import", format, "--format", named, "--allow-missing-images"];
            workspace.run(&import).expect_code(0).expect_stderr(&["imported 1 of 1 records", "2 image files were not found"]);
        }
    }
    workspace.run(&["export", "-o", "none", "--format", "llava"]).expect_code(0).expect_stderr(&["2 image files are not in the store"]);
    workspace.run(&["export", "-o", "none", "--format", "llava", "--images", "none"]).expect_code(0);
    assert!(!fs::read_to_string(workspace.path("none")).unwrap().contains("coco"));
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through_and_a_pipe_is_left_alone() {
    let workspace = Workspace::with_photos();
    workspace.write("real/target.json", "old");
    std::os::unix::fs::symlink("real/target.json", workspace.path("link.json")).unwrap();
    workspace.run(&["export", "-o", "link.json", "--format", "llava"]).expect_code(0);
    assert!(fs::symlink_metadata(workspace.path("link.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(workspace.path("real/target.json")).unwrap().contains("conversations"));
    // Nor does one that leads nowhere yet.
    std::os::unix::fs::symlink("real/new.json", workspace.path("dangling.json")).unwrap();
    workspace.run(&["export", "-o", "dangling.json", "--format", "llava"]).expect_code(0);
    assert!(fs::symlink_metadata(workspace.path("dangling.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(workspace.path("real/new.json")).unwrap().contains("conversations"));

    let pipe = workspace.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = workspace.run(&["export", "-o", "pipe", "--format", "llava"]).expect_code(1).expect_stderr(&["it is a device or a pipe"]);
    assert!(!run.stderr.contains("panicked"), "{run}");
    assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
    workspace.run(&["export", "-o", "real", "--format", "llava"]).expect_code(1).expect_stderr(&["it is a directory"]);
}

/// A photo of one colour.
fn photo(colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(3, 2, image::Rgb(colour)).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A workspace whose store has the sources A and B, each with one image `0.png`, that lies in the source's folder.
fn two_images_of_one_path() -> (Workspace, [Vec<u8>; 2]) {
    let workspace = Workspace::new();
    let photos = [photo([255, 0, 0]), photo([0, 0, 255])];
    for (source, bytes) in ["A", "B"].into_iter().zip(&photos) {
        let record = json!({ "id": "0", "image": "0.png", "conversations_v0": [item("What is it?", "A colour.")] });
        workspace.write(&format!("{source}.json"), json!([record]).to_string());
        workspace.write(&format!("{source}/images/0.png"), bytes);
        let images = format!("{source}/images");
        workspace.run(&["import", &format!("{source}.json"), "--images", &images]).expect_code(0);
    }
    (workspace, photos)
}

/// Exports a source, and reads the file and the image that it shows.
fn export_of(workspace: &Workspace, source: &str, output: &str) -> (String, Vec<u8>) {
    let chosen = format!("source = '{source}'");
    workspace.run(&["export", "-o", output, "--format", "llava", "--where", &chosen]).expect_code(0);
    let text = fs::read_to_string(workspace.path(output)).unwrap();
    let records: Value = serde_json::from_str(&text).unwrap();
    let image = workspace.path(output).with_file_name(records[0]["image"].as_str().unwrap());
    (text, fs::read(image).unwrap())
}

/// The second export once put its image in the place of the first one's, which showed the wrong one from then on.
#[test]
fn exports_into_one_folder_keep_their_images() {
    let (workspace, [red, blue]) = two_images_of_one_path();
    let first = ["a.json", "b.json"].map(|name| export_of(&workspace, &name[..1].to_uppercase(), &format!("out/{name}")));
    let shown = |name: &str| {
        let records: Value = serde_json::from_str(&fs::read_to_string(workspace.path(name)).unwrap()).unwrap();
        fs::read(workspace.path("out").join(records[0]["image"].as_str().unwrap())).unwrap()
    };
    assert_eq!((shown("out/a.json"), shown("out/b.json")), (red, blue));
    let manifest = fs::read_to_string(workspace.path("out/b.json.manifest.json")).unwrap();
    let again = ["a.json", "b.json"].map(|name| export_of(&workspace, &name[..1].to_uppercase(), &format!("out/{name}")));
    assert_eq!(again, first);
    assert_eq!(fs::read_to_string(workspace.path("out/b.json.manifest.json")).unwrap(), manifest);
    let names: Vec<_> = fs::read_dir(workspace.path("out/images")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn an_export_changes_no_image_that_is_there() {
    let (workspace, [red, blue]) = two_images_of_one_path();
    let (_, shown) = export_of(&workspace, "A", "B/out.json");
    assert_eq!((shown, fs::read(workspace.path("B/images/0.png")).unwrap()), (red.clone(), blue.clone()));
    // What has the name that is left is not the image either.
    let named: Vec<_> = fs::read_dir(workspace.path("B/images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let by_id = named.iter().find(|path| !path.ends_with("0.png")).unwrap();
    fs::write(by_id, "mine").unwrap();
    let run = workspace.run(&["export", "-o", "B/out.json", "--format", "llava", "--where", "source = 'A'"]).expect_code(1);
    run.expect_stderr(&["something else has its name", "export into another folder"]);
    assert_eq!(fs::read(by_id).unwrap(), b"mine");
    // Nor is a folder.
    fs::create_dir_all(workspace.path("folders/images/0.png")).unwrap();
    assert_eq!(export_of(&workspace, "A", "folders/out.json").1, red);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_an_image_is_left_alone() {
    use std::os::unix::fs::symlink;

    let (workspace, [red, _]) = two_images_of_one_path();
    workspace.write("mine.png", "mine");
    for (folder, target) in [("linked", "../../mine.png"), ("dangling", "../../nowhere.png")] {
        fs::create_dir_all(workspace.path(folder).join("images")).unwrap();
        let link = workspace.path(folder).join("images/0.png");
        symlink(target, &link).unwrap();
        assert_eq!(export_of(&workspace, "A", &format!("{folder}/out.json")).1, red, "{folder}");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
    }
    fs::create_dir_all(workspace.path("hard/images")).unwrap();
    fs::hard_link(workspace.path("mine.png"), workspace.path("hard/images/0.png")).unwrap();
    assert_eq!(export_of(&workspace, "A", "hard/out.json").1, red);
    assert_eq!(fs::read(workspace.path("mine.png")).unwrap(), b"mine");
    assert!(!workspace.path("nowhere.png").exists());
}

/// Images that are held for the samples to come are theirs.
#[test]
fn every_record_holds_its_own_image() {
    let workspace = Workspace::new();
    let shades: Vec<Vec<u8>> = (0..10).map(|shade| photo([shade * 20, 0, 0])).collect();
    for (shade, bytes) in shades.iter().enumerate() {
        workspace.write(&format!("{shade}.png"), bytes);
    }
    let shade = |place: usize| if place.is_multiple_of(3) { 0 } else { place % 10 };
    let record = |place: usize| {
        let image = format!("{}.png", shade(place));
        json!({ "id": format!("{place:02}"), "image": image, "conversations_v0": [item("What is it?", "A shade.")] })
    };
    seeds(&workspace, (0..30).map(record).collect());
    workspace.run(&["export", "-o", "out.jsonl", "--format", "openai"]).expect_code(0);
    let text = fs::read_to_string(workspace.path("out.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 30);
    for (place, line) in text.lines().enumerate() {
        assert!(line.contains(&STANDARD.encode(&shades[shade(place)])), "{place}");
    }
}

/// Fine-tuning once said of such images that they "must be in the RGB or RGBA image mode".
#[test]
fn fine_tuning_gets_rgb() {
    let workspace = Workspace::new();
    let names = ["cmyk.jpg", "gray.jpg", "gray16.png", "palette.png", "progressive.jpg", "lossy.webp"];
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images");
    for name in names {
        workspace.write(name, fs::read(fixtures.join(name)).unwrap());
    }
    workspace.write("rgb.png", photo([1, 2, 3]));
    let all = names.into_iter().chain(["rgb.png"]);
    let record = |name: &str| json!({ "id": name, "image": name, "conversations_v0": [item("What is it?", "A photo.")] });
    seeds(&workspace, all.clone().map(record).collect());
    workspace.run(&["export", "-o", "out.jsonl", "--format", "openai"]).expect_code(0);
    let text = fs::read_to_string(workspace.path("out.jsonl")).unwrap();
    let urls = text.lines().map(|line| line.split("data:").nth(1).unwrap().split('"').next().unwrap());
    let parts = urls.map(|url| url.split_once(";base64,").unwrap());
    let images: Vec<(&str, Vec<u8>)> = parts.map(|(kind, bytes)| (kind, STANDARD.decode(bytes).unwrap())).collect();
    let mut sorted: Vec<&str> = all.collect();
    sorted.sort_unstable();
    assert_eq!(images.len(), sorted.len());
    for (name, (kind, bytes)) in sorted.into_iter().zip(&images) {
        if ["progressive.jpg", "lossy.webp", "rgb.png"].contains(&name) {
            assert_eq!(bytes, &fs::read(workspace.path(name)).unwrap(), "{name}");
        } else {
            assert_eq!((*kind, image::load_from_memory(bytes).unwrap().color()), ("image/png", image::ColorType::Rgb8), "{name}");
        }
    }
}

/// What reads a folder of Parquet files must not take the manifest for one of them.
#[test]
fn two_formats_of_one_name_keep_a_manifest_each() {
    let workspace = Workspace::with_photos();
    for format in ["parquet", "llava"] {
        let name = if format == "llava" { "out/a.json" } else { "out/a.parquet" };
        workspace.run(&["export", "-o", name, "--format", format]).expect_code(0);
    }
    for (name, format) in [("out/_a.manifest.json", "parquet"), ("out/a.json.manifest.json", "llava")] {
        let manifest: Value = serde_json::from_str(&fs::read_to_string(workspace.path(name)).unwrap()).unwrap();
        assert_eq!(manifest["format"], format);
    }
    let names = fs::read_dir(workspace.path("out")).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_eq!(names.filter(|name| name.contains(".parquet")).collect::<Vec<_>>(), ["a.parquet"]);
}

/// Its records once named an empty path, which no import takes.
#[test]
fn an_image_without_a_path_cannot_be_linked() {
    let workspace = Workspace::new();
    let url = format!("data:image/png;base64,{}", STANDARD.encode(photo([9, 9, 9])));
    seeds(&workspace, json!([{ "id": "a", "image": url, "conversations_v0": [item("What is it?", "A shade.")] }]));
    let run = workspace.run(&["export", "-o", "out.json", "--format", "llava", "--images", "link"]).expect_code(1);
    run.expect_stderr(&["error: --images link: sample ", "('a') has an image without a path", "hint: use --images copy"]);
    assert!(!workspace.path("out.json").exists());
    workspace.run(&["export", "-o", "out.json", "--format", "llava"]).expect_code(0);
}

/// What reads such a file counts the tags.
#[test]
fn a_record_has_one_tag_for_each_image() {
    let workspace = Workspace::new();
    for (name, width) in [("a.bmp", 3), ("b.bmp", 4)] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(width, 2).write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
        workspace.write(name, bytes.into_inner());
    }
    let turn = |from: &str, value: &str| json!({ "from": from, "value": value });
    let turns =
        json!([turn("human", "<image>\nLook."), turn("gpt", "Use the <image> tag."), turn("human", "Is <image> it?"), turn("gpt", "Yes.")]);
    seeds(&workspace, json!([{ "id": "a", "image": ["a.bmp", "b.bmp"], "conversations": turns }]));
    for format in ["llava", "messages"] {
        workspace.run(&["export", "-o", format, "--format", format]).expect_code(0);
        let text = fs::read_to_string(workspace.path(format)).unwrap();
        assert_eq!(text.matches("<image>").count(), 2, "{text}");
        assert!(text.contains("Use the image tag.") && text.contains("Is image 2 it?"), "{text}");
    }
    // Fine-tuning takes no bitmaps.
    workspace.run(&["export", "-o", "openai", "--format", "openai"]).expect_code(0);
    assert!(fs::read_to_string(workspace.path("openai")).unwrap().contains("data:image/png;base64,iVBOR"));
}

/// Our own export says what an item was made from, in which direction, and what the judge said.
#[test]
fn lineage_comes_back_in() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::evolving());
    let photo = Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg");
    workspace.write("coffee.jpg", fs::read(photo).unwrap());
    let items: Vec<Value> = (0..40).map(|place| item(&format!("What is at place {place}?"), "A cup.")).collect();
    seeds(&workspace, json!([{ "id": "table", "image": "coffee.jpg", "conversations_v0": items }]));
    let url = endpoint.base_url();
    let evolve = |store: &str| {
        let evolve = ["--store", store, "evolve", "--rounds", "2", "--model", "m", "--base-url", &url];
        workspace.run_with_key(&evolve, KEY).expect_code(0)
    };
    let rows = |store: &str, sql: &str| workspace.run(&["--store", store, "sql", sql, "--output", "csv"]).expect_code(0).stdout;
    evolve("mmevol-store");
    workspace.run(&["export", "-o", "all.parquet", "--format", "parquet", "--rounds", "all"]).expect_code(0);
    workspace.run(&["--store", "second", "import", "all.parquet"]).expect_code(0);
    workspace.run(&["--store", "second", "check"]).expect_code(0);

    let lines = "SELECT c.round, c.operator, c.improved, c.question, p.question AS parent, r.question AS root FROM instructions c \
                 JOIN instructions p ON c.parent_id = p.instruction_id JOIN instructions r ON c.root_id = r.instruction_id \
                 WHERE c.status = 'kept' ORDER BY c.round, c.question";
    for sql in [lines, "SELECT round, operator, samples, kept FROM rounds ORDER BY round, operator"] {
        assert_eq!(rows("second", sql), rows("mmevol-store", sql), "{sql}");
    }
    assert!(rows("second", lines).lines().count() > 40);
    assert_eq!(rows("second", "SELECT count(*) AS n FROM instructions WHERE cardinality(faults) > 0"), "n\n0\n");
    // Only survivors are known.
    assert_eq!(rows("second", "SELECT count(yes_rate) AS n FROM rounds"), "n\n0\n");
    // Such a round came in one piece, from however many items it was made.
    let asked = endpoint.requests();
    evolve("second").expect_stderr(&["nothing was due"]);
    assert_eq!(endpoint.requests(), asked);
}

/// What is in the store came from a format without tags, or from a model, and may speak of one.
#[test]
fn a_question_about_a_tag_comes_back_in() {
    let workspace = Workspace::new();
    let photo = Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg");
    workspace.write("coffee.jpg", fs::read(photo).unwrap());
    let items = [item("Which tag, like <image>, shows a cup?", "The <image> tag."), item("Is <image> a tag?", "Yes.")];
    seeds(&workspace, json!([{ "id": "tags", "image": "coffee.jpg", "conversations_v0": items }]));
    for (format, read_as) in [("llava", "llava"), ("messages", "messages"), ("openai", "messages")] {
        workspace.run(&["export", "-o", format, "--format", format]).expect_code(0);
        let import = ["--store", &format!("from-{format}"), "import", format, "--format", read_as];
        workspace.run(&import).expect_code(0).expect_stderr(&["imported 1 of 1 records: 2 instructions, 1 images"]);
    }
    let text = fs::read_to_string(workspace.path("openai")).unwrap();
    assert!(!text.contains("<image>") && text.contains("The image tag."), "{text}");
}

/// One image is a text and several are a list, so that a column has both.
#[test]
fn is_a_table_of_sql() {
    let workspace = Workspace::new();
    let items = [item("What is it?", "A dog.")];
    seeds(
        &workspace,
        json!([
            { "id": "one", "image": "1.jpg", "conversations_v0": items },
            { "id": "two", "image": ["1.jpg", "2.jpg"], "conversations_v0": items },
        ]),
    );
    for (format, name) in [("llava", "llava.json"), ("messages", "messages.jsonl"), ("openai", "openai.jsonl"), ("mmevol", "mmevol.json")] {
        workspace.run(&["export", "-o", name, "--format", format]).expect_code(0);
        workspace.run(&["sql", &format!("SELECT * FROM '{name}'")]).expect_code(0);
        let count = workspace.run(&["sql", &format!("SELECT count(*) AS n FROM '{name}'"), "--output", "csv"]);
        assert_eq!(count.expect_code(0).stdout, "n\n2\n", "{format}");
    }
    let answer = "SELECT DISTINCT messages[2]['content'][1]['text'] AS answer FROM 'openai.jsonl'";
    assert_eq!(workspace.run(&["sql", answer, "--output", "csv"]).expect_code(0).stdout, "answer\nA dog.\n");
}

/// An item whose evolution was made again is still kept, but another stands in its place.
#[test]
fn an_export_leaves_out_what_was_replaced() {
    let workspace = Workspace::new();
    workspace.write("a.png", photo([9, 9, 9]));
    let (seed, evolved) = (item("What is it?", "A dog."), item("Which dog?", "The old one."));
    seeds(&workspace, json!([{ "id": "a", "image": "a.png", "conversations_v0": [seed], "conversations_v1": [evolved] }]));
    let answers = |rounds: &str| {
        workspace.run(&["export", "-o", "out.json", "--format", "llava", "--rounds", rounds]).expect_code(0);
        fs::read_to_string(workspace.path("out.json")).unwrap()
    };
    assert!(answers("all").contains("A dog.") && answers("all").contains("The old one."));
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules", "--again", "--where", "round = 1"]).expect_code(0);
    assert!(answers("all").contains("A dog.") && !answers("all").contains("The old one."));
    assert!(!answers("1").contains("The old one."));
}

/// Its first round is empty, for which it was once refused.
#[test]
fn an_export_of_one_round_comes_back_in() {
    let workspace = Workspace::new();
    workspace.write("a.png", photo([9, 9, 9]));
    let (seed, evolved) = (item("What is it?", "A dog."), item("Which dog?", "The old one."));
    seeds(&workspace, json!([{ "id": "a", "image": "a.png", "conversations_v0": [seed], "conversations_v1": [evolved] }]));
    workspace.run(&["export", "-o", "one.json", "--format", "mmevol", "--rounds", "1"]).expect_code(0);
    let import = ["--store", "second", "import", "one.json"];
    workspace.run(&import).expect_code(0).expect_stderr(&["imported 1 of 1 records: 1 instructions, 1 images"]);
    workspace.run(&["--store", "second", "check"]).expect_code(0);
}

#[test]
fn an_export_of_nothing_says_so() {
    let workspace = Workspace::with_photos();
    for chosen in [["--rounds", "9"], ["--where", "score > 30"]] {
        let run = workspace.run(&["export", "-o", "none.json", "--format", "llava", chosen[0], chosen[1]]).expect_code(0);
        run.expect_stderr(&["nothing matched: none.json holds no items"]);
        assert_eq!(fs::read_to_string(workspace.path("none.json")).unwrap(), "[]\n");
    }
    let run = workspace.run(&["export", "-o", "some.json", "--format", "llava"]).expect_code(0);
    assert!(!run.stderr.contains("nothing matched"), "{run}");
}

/// A manifest and image files go beside the file.
#[test]
fn standard_output_is_no_place_for_an_export() {
    let workspace = Workspace::with_photos();
    let run = workspace.run(&["export", "-o", "-", "--format", "llava"]).expect_code(1);
    assert!(!workspace.path("-").exists());
    run.expect_stderr(&["error: --output: an export is not written to standard output", "hint: name a file"]);
}

/// The paths of images once grew by a folder each time, until the third import did not find them.
#[test]
fn an_export_comes_back_in_and_out_as_it_was() {
    let workspace = Workspace::new();
    for name in ["coffee.jpg", "rocket.jpg"] {
        let photo = Path::new(&bundled_seeds()).with_file_name("images").join(name);
        workspace.write(&format!("data/images/{name}"), fs::read(photo).unwrap());
    }
    let record = |id: &str, path: &str| json!({ "id": id, "image": path, "conversations_v0": [item("What is it?", "A photo.")] });
    // One of them is named from above its folder.
    workspace.write("above.json", json!([record("a", "images/coffee.jpg")]).to_string());
    workspace.run(&["import", "above.json", "--source", "seeds", "--images", "data"]).expect_code(0);
    workspace.write("inside.json", json!([record("b", "rocket.jpg")]).to_string());
    workspace.run(&["import", "inside.json", "--source", "seeds", "--images", "data/images"]).expect_code(0);
    for format in ["mmevol", "llava", "messages"] {
        let mut store = "mmevol-store".to_owned();
        let exported = ["first", "second", "third"].map(|turn| {
            let file = format!("{turn}/{format}");
            workspace.run(&["--store", &store, "export", "-o", &file, "--format", format]).expect_code(0);
            store = format!("{turn}-{format}");
            workspace.run(&["--store", &store, "import", &file, "--format", format]).expect_code(0);
            fs::read_to_string(workspace.path(&file)).unwrap()
        });
        assert!(exported[0].contains("\"images/coffee.jpg\"") && exported[0].contains("\"images/rocket.jpg\""), "{}", exported[0]);
        assert_eq!((&exported[1], &exported[2]), (&exported[0], &exported[0]), "{format}");
    }
}
