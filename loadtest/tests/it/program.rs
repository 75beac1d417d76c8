//! Runs the program under test as a shell would.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::RwLock;

/// Programs under test share the machine; one whose times matter has it for itself.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// What a finished program leaves behind.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The report of `--json`, where one was written.
    pub(crate) report: Value,
    pub(crate) journal: String,
}

/// A `loadtest run` to be, in a folder of its own.
pub(crate) struct Program {
    folder: TempDir,
    arguments: Vec<String>,
}

impl Program {
    /// `loadtest run` at this target, rate and duration; `scenario` is the name of a carried one or a whole YAML text.
    pub(crate) fn run(target: &str, scenario: &str, rate: &str, duration: &str) -> Program {
        let folder = TempDir::new().unwrap();
        let scenario = if scenario.contains('\n') {
            std::fs::write(folder.path().join("test.yaml"), scenario).unwrap();
            "test.yaml"
        } else {
            scenario
        };
        let arguments = [
            "run",
            "--target",
            target,
            "--scenario",
            scenario,
            "--rate",
            rate,
            "--duration",
            duration,
            "--json",
            "out.json",
        ];
        Program { folder, arguments: arguments.map(str::to_owned).to_vec() }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Program {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Writes a file into the program's folder.
    pub(crate) fn file(self, name: &str, content: &str) -> Program {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn spawn(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    pub(crate) async fn collect(&self, child: Child) -> Finished {
        let output = child.wait_with_output().await.unwrap();
        let read = |name| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        Finished {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            report: serde_json::from_str(&read("out.json")).unwrap_or_default(),
            journal: read("journal.jsonl"),
        }
    }

    pub(crate) async fn finish(&self) -> Finished {
        let _shared = MACHINE.read().await;
        self.collect(self.spawn()).await
    }

    /// Runs while no other program under test does.
    pub(crate) async fn finish_alone(&self) -> Finished {
        let _alone = MACHINE.write().await;
        self.collect(self.spawn()).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Finished {
    /// A number of the report, by JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        let number = self.report.pointer(pointer).and_then(Value::as_f64);
        number.unwrap_or_else(|| panic!("no number at {pointer}\n{}\n{}", self.stdout, self.stderr))
    }

    /// The same where what never happened is left out.
    pub(crate) fn count(&self, pointer: &str) -> f64 {
        self.report.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
    }

    /// For a run whose verdict a noisy machine may take away: a target that did well, or nothing said of it.
    pub(crate) fn assert_met_or_void(&self) {
        assert!(matches!(self.code, 0 | 2), "exit {}\n{}\n{}", self.code, self.stdout, self.stderr);
    }

    /// The same for a target that did badly.
    pub(crate) fn assert_missed_or_void(&self) {
        assert!(matches!(self.code, 1 | 2), "exit {}\n{}\n{}", self.code, self.stdout, self.stderr);
    }
}

/// A scenario with one GET of `/`, whose answer must be `ok`.
pub(crate) fn one_page(timeout: &str) -> String {
    format!(
        "about: one page\n\
         timeout: {timeout}\n\
         slo: {{ errors: 0.1%, response_p99: 500ms }}\n\
         sessions:\n  - {{ name: page, weight: 1, steps: [{{ get: /, expect: {{ body: ok }} }}] }}\n"
    )
}
