//! A small file system of its own that fills up or is read-only. Skipped where this user may mount none; with CI=true, root must be able to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{Workspace, bundled_seeds};
use crate::contents::{assert_same, contents};
use crate::endpoint::Endpoint;
use crate::stores::KEY;

/// A file system in memory, in the workspace's folder `small`. It goes away with its value.
struct SmallDisk {
    at: PathBuf,
    // After the file system is gone from it.
    workspace: Workspace,
}

impl SmallDisk {
    /// `None`, and a word about it, where this user may mount none.
    fn mount(size: &str) -> Option<SmallDisk> {
        let workspace = Workspace::new();
        let at = workspace.path("small");
        fs::create_dir(&at).unwrap();
        let mounted = cfg!(target_os = "linux")
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
                .arg(&at)
                .output()
                .is_ok_and(|run| run.status.success());
        if !mounted {
            // What is skipped looks as if it had passed.
            assert!(!must_run(), "root cannot mount a file system: allow it (CAP_SYS_ADMIN), or run the tests without CI=true");
            println!("skipped: this user may not mount a file system");
            return None;
        }
        Some(SmallDisk { at, workspace })
    }

    fn remount(&self, options: &str) {
        let run = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.at).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Leaves so many bytes free.
    fn fill(&self, free_kb: u64) -> PathBuf {
        let run = Command::new("df").args(["--output=avail", "-k"]).arg(&self.at).output().unwrap();
        let available: u64 = String::from_utf8(run.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap();
        let filler = self.at.join("filler");
        fs::write(&filler, vec![0; usize::try_from(available.saturating_sub(free_kb) * 1024).unwrap()]).unwrap();
        filler
    }

    /// The arguments of a command over the store on the disk.
    fn arguments<'a>(&self, command: &[&'a str]) -> Vec<&'a str> {
        [&["--store", "small/store"], command].concat()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that fails must not leave it mounted; nothing more can be done here.
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

/// Whether this is root on Linux, in a run that others rely on.
fn must_run() -> bool {
    let is_root = || Command::new("id").arg("-u").output().is_ok_and(|run| run.stdout.trim_ascii() == b"0");
    cfg!(target_os = "linux") && std::env::var("CI").is_ok_and(|ci| ci == "true") && is_root()
}

#[tokio::test]
async fn an_import_onto_a_full_disk_leaves_nothing_and_can_be_repeated() {
    let Some(disk) = SmallDisk::mount("200k") else { return };
    let seeds = bundled_seeds();
    let import = disk.arguments(&["import", &seeds, "--source", "demo"]);
    let run = disk.workspace.run(&import).expect_code(2);
    run.expect_stderr(&["No space left on device", "hint: free space on that disk"]);
    assert!(!disk.at.join("store").exists(), "what the import made is gone");

    disk.remount("size=64m");
    disk.workspace.run(&import).expect_code(0);
    let usual = Workspace::with_photos();
    assert_same(&contents(&disk.at.join("store")).await, &contents(&usual.store()).await, "imported once there was space");
}

/// However little is free, and wherever it ends.
#[tokio::test]
async fn a_round_that_fills_the_disk_can_go_on() {
    let (usual, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let url = endpoint.base_url();
    let concurrency = 4;
    let words = concurrency.to_string();
    let evolve = ["evolve", "--rounds", "2", "--model", "m", "--base-url", &url, "--concurrency", &words];
    usual.run_with_key(&evolve, KEY).expect_code(0);
    let (complete, distinct) = (contents(&usual.store()).await, endpoint.distinct_requests());

    for free_kb in [8, 150, 400] {
        let Some(disk) = SmallDisk::mount("64m") else { return };
        let seeds = bundled_seeds();
        disk.workspace.run(&disk.arguments(&["import", &seeds, "--source", "demo"])).expect_code(0);
        let endpoint = Endpoint::evolving();
        let url = endpoint.base_url();
        let evolve = ["evolve", "--rounds", "2", "--model", "m", "--base-url", &url, "--concurrency", &words];

        let filler = disk.fill(free_kb);
        let run = disk.workspace.run_with_key(&disk.arguments(&evolve), KEY);
        println!("{free_kb} kB free: {run}\n{} requests", endpoint.requests());
        if run.code != 0 {
            assert_eq!(run.code, 2, "{run}");
            run.expect_stderr(&["No space left on device", "hint: free space on that disk"]);
        }
        disk.workspace.run(&disk.arguments(&["status"])).expect_code(0);

        fs::remove_file(filler).unwrap();
        disk.workspace.run_with_key(&disk.arguments(&evolve), KEY).expect_code(0);
        let story = format!("{free_kb} kB were free");
        assert_same(&contents(&disk.at.join("store")).await, &complete, &story);
        assert!(endpoint.requests() <= distinct + concurrency, "{} requests, {distinct} of them distinct: {story}", endpoint.requests());
    }
}

#[tokio::test]
async fn a_read_only_store_can_be_read() {
    let Some(disk) = SmallDisk::mount("64m") else { return };
    let seeds = bundled_seeds();
    disk.workspace.run(&disk.arguments(&["import", &seeds, "--source", "demo"])).expect_code(0);
    disk.workspace.run(&disk.arguments(&["evolve", "--rounds", "1", "--model", "rules"])).expect_code(0);
    disk.remount("ro");
    let reading: [&[&str]; 8] = [
        &["status"],
        &["sql", "SELECT * FROM history"],
        &["sql", "SELECT * FROM versions('instructions')"],
        &["lineage", "coins"],
        &["diff", "run-1", "now"],
        &["check"],
        &["evolve", "--rounds", "2", "--model", "rules", "--dry-run"],
        &["export", "-o", "out/dataset.json", "--format", "llava"],
    ];
    for command in reading {
        disk.workspace.run(&disk.arguments(command)).expect_code(0);
    }
    let writing: [&[&str]; 5] = [
        &["import", &seeds, "--source", "again"],
        &["evolve", "--rounds", "2", "--model", "rules"],
        &["restore", "run-1"],
        &["check", "--repair"],
        &["sql", "INSERT INTO prompts SELECT * FROM prompts"],
    ];
    for command in writing {
        disk.workspace.run(&disk.arguments(command)).expect_code(1).expect_stderr(&["'small/store' cannot be written", "permissions"]);
    }
    disk.remount("rw");
    disk.workspace.run(&disk.arguments(&["evolve", "--rounds", "2", "--model", "rules"])).expect_code(0);
}
