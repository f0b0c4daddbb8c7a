//! The way to image files: a folder, and paths that must not leave it.

use std::fs;
use std::path::{Path, PathBuf};

use mmevol::image::{ImageError, ImageFolder, ImageProblem};

struct Folders {
    _directory: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
}

fn folders() -> Folders {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let base = directory.path().canonicalize().expect("the folder exists");
    let (root, outside) = (base.join("data/coco/train2017"), base.join("outside"));
    fs::create_dir_all(root.join("inner")).expect("folders are made");
    fs::create_dir_all(&outside).expect("folders are made");
    for file in [root.join("a.jpg"), root.join("inner/b.png"), root.join("50%20off.jpg"), outside.join("secret.jpg")] {
        fs::write(file, "x").expect("a file is written");
    }
    Folders { _directory: directory, root, outside }
}

fn refused(folder: &ImageFolder, path: &str) -> ImageError {
    folder.resolve(path).expect_err(path)
}

#[test]
fn paths_inside_the_folder_are_found() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    for path in ["a.jpg", "./a.jpg", "inner/../a.jpg", "50%20off.jpg"] {
        assert!(folder.resolve(path).is_ok(), "{path}");
    }
    assert_eq!(folder.resolve("inner/b.png").expect("the file is there"), folders.root.join("inner/b.png"));
    assert_eq!(folder.resolve("inner//b.png").expect("the file is there"), folders.root.join("inner/b.png"));
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    let absolute = folders.root.join("a.jpg").display().to_string();
    for path in ["../a.jpg", "inner/../../train2017/a.jpg", "/etc/passwd", &absolute] {
        let error = refused(&folder, path);
        assert!(matches!(error.problem, ImageProblem::Outside { .. }), "{error}");
        assert!(error.hint().is_some());
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_the_folder_only() {
    use std::os::unix::fs::symlink;

    let folders = folders();
    let link = |target: PathBuf, name: &str| symlink(target, folders.root.join(name)).expect("a link is made");
    link(folders.outside.join("secret.jpg"), "file_out.jpg");
    link(folders.outside.clone(), "folder_out");
    link(folders.root.join("a.jpg"), "file_in.jpg");
    link(folders.root.join("inner"), "folder_in");
    link(folders.root.join("nowhere"), "dangling.jpg");

    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    for path in ["file_out.jpg", "folder_out/secret.jpg", "folder_in/../file_out.jpg"] {
        assert!(matches!(refused(&folder, path).problem, ImageProblem::Outside { .. }), "{path}");
    }
    assert_eq!(folder.resolve("file_in.jpg").expect("the link is fine"), folders.root.join("a.jpg"));
    assert_eq!(folder.resolve("folder_in/b.png").expect("the link is fine"), folders.root.join("inner/b.png"));
    assert!(matches!(refused(&folder, "dangling.jpg").problem, ImageProblem::Missing { .. }));

    symlink(&folders.root, folders.outside.join("link_to_root")).expect("a link is made");
    let through_link = ImageFolder::open(folders.outside.join("link_to_root")).expect("the folder itself may be a link");
    assert!(through_link.resolve("a.jpg").is_ok());
}

#[test]
fn a_missing_file_is_hinted_at_where_it_is() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    let data = folders.root.parent().and_then(Path::parent).expect("the root is two folders deep").display().to_string();
    let cases = [
        ("a.png", "there is 'a.jpg'".to_owned()),
        ("coco/train2017/a.jpg", format!("the path already begins with 'coco/train2017': pass --images '{data}'")),
        ("gqa/images/inner/b.png", "there is 'inner/b.png': pass the folder that holds 'gqa/images' as --images".to_owned()),
        ("a.jpg/b.jpg", "check --images, or import with --allow-missing-images".to_owned()),
        ("inner\\b.png", "check --images, or import with --allow-missing-images".to_owned()),
    ];
    for (path, hint) in cases {
        let error = refused(&folder, path);
        assert!(matches!(error.problem, ImageProblem::Missing { .. }), "{error}");
        assert_eq!(error.hint(), Some(hint), "{path}");
    }
}

/// An image in base64 has a slash every few bytes, and each was taken for a folder.
#[test]
fn what_is_too_long_is_no_path() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    let error = refused(&folder, &"Qk0ab/".repeat(200_000));
    assert_eq!(error.problem, ImageProblem::NoPath { length: 1_200_000 });
    let message = error.to_string();
    assert!(message.len() < 300 && message.ends_with("...' is no path: it has 1,200,000 characters"), "{message}");
    let deep = format!("{}a.jpg", "x/".repeat(20));
    assert_eq!(refused(&folder, &deep).hint().as_deref(), Some("check --images, or import with --allow-missing-images"));
}

#[test]
fn what_is_no_file_is_refused() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    for path in ["inner", "", ".", "inner/.."] {
        assert_eq!(refused(&folder, path).problem, ImageProblem::IsFolder, "{path:?}");
    }
    let error = refused(&folder, "a\0.jpg");
    assert!(matches!(error.problem, ImageProblem::Io { .. }), "{error}");
    assert!(!error.to_string().contains('\0'), "names are escaped");
}

#[test]
fn only_a_folder_opens() {
    let folders = folders();
    let error = ImageFolder::open(folders.root.join("a.jpg")).expect_err("it is a file");
    assert_eq!(error.problem, ImageProblem::NotAFolder);
    let error = ImageFolder::open(folders.root.join("none")).expect_err("it does not exist");
    assert!(error.to_string().starts_with("image folder '"), "{error}");
}
