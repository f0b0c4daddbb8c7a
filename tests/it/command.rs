//! The real command, run in a folder of its own with nothing of the tester's environment.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mmevol::{Session, Store};
use serde_json::Value;
use tempfile::TempDir;

/// A working directory for commands; the store is `mmevol-store` in it.
pub struct Workspace {
    folder: TempDir,
}

/// What one command did.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Workspace {
        Workspace { folder: tempfile::tempdir().unwrap() }
    }

    /// A workspace whose store holds the bundled photos.
    pub fn with_photos() -> Workspace {
        let workspace = Workspace::new();
        workspace.run(&["import", &bundled_seeds(), "--source", "demo"]).expect_code(0);
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("mmevol-store")
    }

    /// The rows of a query over the store, as JSON objects.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        let session = Session::builder().store(Store::open(self.store()).await.unwrap()).build().await.unwrap();
        session.rows(sql).await.unwrap()
    }

    /// All items with what became of them, by their ids: two stores in which the same was done have the same ones.
    pub async fn items(&self) -> Vec<Value> {
        self.rows("SELECT instruction_id, evolution_id, question, score, status FROM instructions ORDER BY instruction_id").await
    }

    /// Writes a file, and the folders it is in.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.start(arguments, &[], "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        self.start(arguments, &[], input)
    }

    pub fn run_with_key(&self, arguments: &[&str], key: &str) -> Run {
        self.start(arguments, &[("OPENAI_API_KEY", key)], "")
    }

    /// Starts a command that the test ends before it does; what it says goes nowhere.
    pub fn spawn_with_key(&self, arguments: &[&str], key: &str) -> Child {
        let mut command = self.command(arguments, &[("OPENAI_API_KEY", key)]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts a command whose standard error the test reads while it runs.
    pub fn spawn_to_listen(&self, arguments: &[&str], key: &str) -> Child {
        let mut command = self.command(arguments, &[("OPENAI_API_KEY", key)]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The same, and the test writes to its standard input.
    pub fn spawn_to_talk(&self, arguments: &[&str], key: &str) -> Child {
        let mut command = self.command(arguments, &[("OPENAI_API_KEY", key)]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a command at a terminal of its own, which `script` of util-linux makes: what the test writes to its standard input are keys, and
    /// what the terminal shows is its standard output.
    #[cfg(target_os = "linux")]
    pub fn spawn_at_terminal(&self, arguments: &[&str], key: &str) -> Child {
        let words = [&[env!("CARGO_BIN_EXE_mmevol")], arguments].concat().join(" ");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &words, "/dev/null"]).current_dir(self.folder.path()).env_clear();
        script.envs([("COLUMNS", "80"), ("NO_COLOR", "1"), ("OPENAI_API_KEY", key)]).env("HOME", self.folder.path());
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmevol"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs([("COLUMNS", "80"), ("NO_COLOR", "1")]);
        command.env("HOME", self.folder.path()).envs(variables.iter().copied());
        command
    }

    /// Runs a command whose standard output is this file; the run knows nothing of what it holds.
    pub fn run_into(&self, stdout: fs::File, arguments: &[&str], input: &str) -> Run {
        Self::finish(self.command(arguments, &[]).stdout(stdout), input)
    }

    /// Runs a line as a shell does, in which `mmevol` is the command. All that is said is on standard output, in the order in which it is said.
    #[cfg(unix)]
    pub fn run_in_shell(&self, line: &str, variables: &[(&str, &str)]) -> Run {
        let folder = Path::new(env!("CARGO_BIN_EXE_mmevol")).parent().unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec 2>&1\n{line}")]).current_dir(self.folder.path()).env_clear();
        command.envs([("COLUMNS", "80"), ("NO_COLOR", "1"), ("PATH", path.as_str())]).env("HOME", self.folder.path());
        Self::finish(command.envs(variables.iter().copied()).stdout(Stdio::piped()), "")
    }

    fn start(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
        Self::finish(self.command(arguments, variables).stdout(Stdio::piped()), input)
    }

    fn finish(command: &mut Command, input: &str) -> Run {
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads no input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().expect("the command ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Compares a run with its recorded form: exit code, standard output, standard error. Ids, addresses and paths are masked.
    pub fn assert_snapshot(&self, name: &str, run: &Run) {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(&regex::escape(&self.folder.path().to_string_lossy()), "[folder]");
        settings.add_filter(r"\b[0-9a-f]{32}\b", "[id]");
        settings.add_filter(r"\b[0-9a-f]{12}\b", "[id]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "[address]");
        settings.add_filter(r"process \d+", "process [number]");
        // Cells are padded to the widest one, which may be masked.
        settings.add_filter(r"(?m) +$", "");
        settings.bind(|| insta::assert_snapshot!(name, run));
    }
}

impl Run {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Run {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Everything that is said on standard error is found there.
    #[track_caller]
    pub fn expect_stderr(self, fragments: &[&str]) -> Run {
        for fragment in fragments {
            assert!(self.stderr.contains(fragment), "expected '{fragment}' on standard error\n{self}");
        }
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code: {}\n----- stdout -----\n{}\n----- stderr -----\n{}", self.code, self.stdout, self.stderr)
    }
}

/// A file of the package, from wherever a command runs.
pub fn in_package(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_string_lossy().into_owned()
}

/// The seed file of the bundled photos.
pub fn bundled_seeds() -> String {
    in_package("examples/seeds/seed.json")
}
